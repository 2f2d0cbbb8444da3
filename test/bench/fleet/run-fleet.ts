/**
 * Runs `atoll-fleet` against a datacenter and gives its report.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Lab, REPOSITORY_DIR } from "@atoll/lab";

/** As services/fleet writes it; of its report, what is used here. */
export interface FleetReport {
  readonly verdict: string;
  readonly workers: number;
  readonly settleMs: number;
  readonly runMs: number;
  readonly drainMs: number;
  readonly waiting: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly commitMs: Latencies;
  readonly actionMs: Latencies;
  readonly violations: readonly string[];
  readonly rssBytes: number;
  readonly cpuMs: number;
  readonly samples: readonly {
    readonly atMs: number;
    readonly phase: string;
    readonly connected: number;
    readonly committed: number;
    readonly commitP50Ms: number;
    readonly commitP99Ms: number;
    readonly rssBytes: number;
    readonly cpuMs: number;
  }[];
}

export interface Latencies {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Progress goes on to stderr. It reports also when `signal` ends it early. */
export async function runFleet(
  lab: Lab,
  words: readonly string[],
  signal?: AbortSignal,
): Promise<FleetReport> {
  const site = ["--nats", lab.natsUrl, "--datacenter", lab.datacenter, "--output", "json"];
  const child = spawn(join(REPOSITORY_DIR, "bin/atoll-fleet"), [...site, ...words], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const end = (): void => void child.kill("SIGTERM");
  process.once("exit", end);
  signal?.addEventListener("abort", end);
  try {
    const [written, [status]] = await Promise.all([
      text(child.stdout),
      once(child, "exit") as Promise<[number | null]>,
    ]);
    if (written === "") throw new Error(`atoll-fleet ended with status ${status}`);
    return JSON.parse(written) as FleetReport;
  } finally {
    process.off("exit", end);
    signal?.removeEventListener("abort", end);
  }
}
