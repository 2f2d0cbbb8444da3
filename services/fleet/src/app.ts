/**
 * One run of the command: parses, runs the fleet, shows how it goes, reports, gives its status.
 *
 * The report goes to stdout, everything else to stderr, so that a pipe gets the report only.
 */
import { randomUUID } from "node:crypto";
import { CommanderError } from "commander";
import { ConfigError, systemClock } from "@atoll/service-kit/process";
import { type Config, makeConfig } from "./config.ts";
import type { FleetEnvironment } from "./env.ts";
import { Coordinator, type FleetState } from "./load/coordinator.ts";
import { runWorker } from "./load/worker.ts";
import { buildProgram } from "./program.ts";
import { formatProgress, formatReport, makeReport, type Verdict } from "./report/report.ts";
import { Samples } from "./report/samples.ts";

export interface FleetParts {
  readonly environment: FleetEnvironment;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

const EXIT_STATUS = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;
const RUN_ID_LENGTH = 8;

/** Runs `atoll-fleet WORDS…` and returns its exit status. */
export async function runFleet(words: readonly string[], parts: FleetParts): Promise<number> {
  let status: number = EXIT_STATUS.ok;
  const program = buildProgram({
    run: async (options) => {
      status = await runOnce(makeConfig(options, parts.environment), parts);
    },
    work: runWorker,
  });
  program
    .exitOverride()
    .configureOutput({ writeOut: (text) => parts.out(text), writeErr: (text) => parts.err(text) });
  try {
    await program.parseAsync(words, { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_STATUS.usage;
    if (!(error instanceof ConfigError)) throw error;
    parts.err(`error: ${error.problems.join("\n       ")}\n`);
    parts.err("  → `atoll-fleet --help` shows what there is\n");
    return EXIT_STATUS.usage;
  }
}

async function runOnce(config: Config, parts: FleetParts): Promise<number> {
  const { scenario, datacenter, natsUrl, output } = config;
  const samples = new Samples();
  let before: FleetState | undefined;
  const coordinator = new Coordinator({
    share: {
      scenario,
      datacenter,
      natsUrl,
      runId: randomUUID().slice(0, RUN_ID_LENGTH),
      from: 0,
      to: scenario.agents,
    },
    signal: parts.signal,
    onState: (state) => {
      samples.add(state, systemClock.realtimeMs());
      parts.err(formatProgress(state, before));
      before = state;
    },
  });
  const outcome = await coordinator.run();
  const interrupted = parts.signal.aborted;
  const report = makeReport(outcome, { scenario, interrupted, samples: samples.list() });
  parts.out(output === "json" ? `${JSON.stringify(report)}\n` : formatReport(report));
  return statusOf(report.verdict);
}

function statusOf(verdict: Verdict): number {
  if (verdict === "ok") return EXIT_STATUS.ok;
  return verdict === "interrupted" ? EXIT_STATUS.interrupted : EXIT_STATUS.failed;
}
