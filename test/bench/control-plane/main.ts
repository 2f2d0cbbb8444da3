/**
 * Measures a whole datacenter: events from agents into the state, the way from a fact to its
 * action, writes through the public API.
 *
 *     node --conditions=atoll-source test/bench/control-plane/main.ts
 *         [--rounds 3] [--seconds 20] [--agents 1000] [--rates 5000,10000] [--in-flight 64,256]
 *         [--only agent,events,actions,api] [--file PATH]
 *
 * Real processes on loopback: nats-server, three orchestrator replicas, a gateway; the load is a
 * process of its own. Each measurement has a fresh datacenter. Prints one table and writes the raw
 * numbers to `--file`, by default one in test/bench/results/.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Lab, startLab } from "@atoll/lab";
import { RoleServiceClient } from "@atoll/proto/atoll/v1/role";
import { channelCredentials } from "@atoll/service-kit";
import { describeMachine, RESULTS_FOLDER } from "../raft/report.ts";
import { residentBytes } from "../process-use.ts";
import { healthCallers, labelWriters, measureCalls } from "./api-load.ts";
import { type CoresBusy, watchCores } from "./cores-busy.ts";
import { FactAges } from "./fact-ages.ts";
import { formatControlPlaneTable, type Measured } from "./table.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "20" },
    agents: { type: "string", default: "1000" },
    rates: { type: "string", default: "5000,10000" },
    "in-flight": { type: "string", default: "64,256" },
    only: { type: "string", default: "agent,events,actions,api" },
    file: { type: "string" },
  },
});
const ACTION_AGENTS = 200;
const API_AGENTS = 64;
const API_WARM_UP_SECONDS = 6;
/** Idle agents of the lab that are looked at, once they have settled. */
const IDLE_AGENTS = 3;
const SETTLE_MS = 10_000;
/** The agents match it; nothing of it really runs. */
const ROLE = [
  "kind: Role",
  "name: bench",
  "match: { labels: { bench: load } }",
  "services: [{ name: app, command: [app] }]",
].join("\n");

const measured: Measured[] = [];

/** What to do when the load process says that it has come so far. */
interface Milestones {
  /** All agents are known. */
  readonly ready?: () => Promise<void>;
  /** It is warm: what comes now counts. */
  readonly measuring?: (loadPid: number) => Promise<void>;
  /** It has told a result and still lives. */
  readonly measured?: () => void;
}

/** Runs the load process and gives its results. */
async function load(
  lab: Lab,
  args: readonly string[],
  { ready, measuring, measured: told }: Milestones,
): Promise<Measured[]> {
  const script = join(import.meta.dirname, "load-process.ts");
  const site = ["--nats", lab.natsUrl, "--datacenter", lab.datacenter];
  const child = spawn(process.execPath, ["--conditions=atoll-source", script, ...site, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const results: Measured[] = [];
  for await (const line of createInterface(child.stdout)) {
    const result = JSON.parse(line) as Measured;
    if (result.type === "measuring") {
      await measuring?.(child.pid ?? 0);
    } else if (result.type === "ready") {
      await ready?.();
      child.stdin.end();
    } else {
      told?.();
      results.push(result);
    }
  }
  const [status] = (await ended) as [number | null];
  if (status !== 0) throw new Error(`the load process ended with status ${status}`);
  return results;
}

function note(round: number, results: readonly Measured[]): void {
  for (const result of results) {
    measured.push({ ...result, round });
    process.stderr.write(`round ${round} ${JSON.stringify(result)}\n`);
  }
}

async function applyRole(lab: Lab): Promise<void> {
  const client = new RoleServiceClient(lab.gatewayAddress, channelCredentials("insecure-for-lab"));
  const documents = [{ fileName: "bench.yaml", text: ROLE }];
  await new Promise<void>((resolve, reject) => {
    client.applyRoles({ documents, validateOnly: false, requestId: "bench" }, (error) =>
      error === null ? resolve() : reject(error as Error),
    );
  });
  client.close();
}

async function measureEvents(lab: Lab, round: number, rate: string): Promise<void> {
  const args = [
    "--mode",
    "events",
    "--agents",
    values.agents,
    "--rate",
    rate,
    "--seconds",
    values.seconds,
  ];
  let before = new FactAges();
  let coresBusy = (): CoresBusy => ({});
  let cores: CoresBusy = {};
  const measuring = async (loadPid: number): Promise<void> => {
    before = await FactAges.read(lab);
    coresBusy = watchCores(lab, loadPid);
  };
  const [acknowledged] = await load(lab, [...args, "--prefix", `e${rate}-`], {
    ready: () => applyRole(lab),
    measuring,
    measured: () => {
      cores = coresBusy();
    },
  });
  const ages = (await FactAges.read(lab)).since(before);
  const inState = { count: ages.count, ...ages.quantiles() };
  note(round, [
    { ...(acknowledged as Measured), ...inState, type: "events", rate: Number(rate), cores },
    { ...(acknowledged as Measured), type: "acknowledged", rate: Number(rate) },
  ]);
}

async function measureActions(lab: Lab, round: number): Promise<void> {
  const args = ["--mode", "actions", "--agents", String(ACTION_AGENTS), "--prefix", "a"];
  note(round, await load(lab, args, { ready: () => applyRole(lab) }));
}

async function measureApi(lab: Lab, round: number): Promise<void> {
  const { gatewayAddress: gateway, datacenter } = lab;
  const nodes = Array.from({ length: API_AGENTS }, (_, at) => `w${at}`);
  const args = ["--mode", "idle", "--agents", String(API_AGENTS), "--prefix", "w"];
  const seconds = Number(values.seconds) / 2;
  const ready = async (): Promise<void> => {
    for (const inFlight of values["in-flight"].split(",").map(Number)) {
      for (const type of ["api", "health"] as const) {
        const callers =
          type === "api" ? labelWriters({ gateway, datacenter, nodes }) : healthCallers(gateway);
        await measureCalls({ callers, inFlight, seconds: API_WARM_UP_SECONDS });
        const coresBusy = watchCores(lab, process.pid);
        const result = await measureCalls({ callers, inFlight, seconds });
        note(round, [{ type, ...result, cores: coresBusy() }]);
        callers.close();
      }
    }
  };
  await load(lab, args, { ready });
}

/** Agents that run nothing, beside an idle control plane, and Node itself, doing nothing. */
async function measureAgents(lab: Lab, round: number): Promise<void> {
  const bare = spawn(process.execPath, ["--eval", "process.stdin.resume()"]);
  await pause(SETTLE_MS);
  const coresBusy = watchCores(lab, process.pid);
  await pause(Number(values.seconds) * 1_000);
  const cores = coresBusy();
  for (const { spec, pid = 0 } of lab.processes) {
    if (spec.kind !== "agent") continue;
    const rssMb = residentBytes(pid) / 1e6;
    note(round, [{ type: "agent", cores: { [spec.name]: cores[spec.name] ?? 0 }, rssMb }]);
  }
  note(round, [{ type: "bare", rssMb: residentBytes(bare.pid ?? 0) / 1e6 }]);
  bare.stdin.end();
}

async function measureRound(round: number): Promise<void> {
  const only = values.only.split(",");
  if (only.includes("agent")) {
    await inFreshLab((lab) => measureAgents(lab, round), IDLE_AGENTS);
  }
  if (only.includes("actions")) await inFreshLab((lab) => measureActions(lab, round));
  if (only.includes("api")) await inFreshLab((lab) => measureApi(lab, round));
  if (!only.includes("events")) return;
  for (const rate of values.rates.split(",")) {
    await inFreshLab((lab) => measureEvents(lab, round, rate));
  }
}

async function inFreshLab(measure: (lab: Lab) => Promise<void>, agents = 0): Promise<void> {
  const stateDir = mkdtempSync(join(tmpdir(), "atoll-bench-"));
  const lab = await startLab({
    stateDir,
    portBase: 0,
    agents,
    machine: false,
    restart: false,
    logLevel: "warn",
  });
  try {
    await measure(lab);
  } finally {
    await lab.stop();
    rmSync(stateDir, { recursive: true, force: true });
  }
}

const startedAt = new Date().toISOString();
for (let round = 1; round <= Number(values.rounds); round += 1) {
  await measureRound(round);
  await pause(500);
}
const machine = describeMachine();
mkdirSync(RESULTS_FOLDER, { recursive: true });
const name = `control-plane-${startedAt.replaceAll(/[:.]/g, "-")}.json`;
const file = values.file ?? join(RESULTS_FOLDER, name);
writeFileSync(
  file,
  `${JSON.stringify({ startedAt, machine, settings: values, measured }, undefined, 2)}\n`,
);
process.stdout.write(`${formatControlPlaneTable(machine, measured)}\n`);
