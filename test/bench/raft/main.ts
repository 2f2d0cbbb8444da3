/**
 * Measures Raft commits and failover, with etcd beside it where it is installed.
 *
 *     node --conditions=atoll-source test/bench/raft/main.ts
 *         [--rounds 5] [--seconds 5] [--warm-up-seconds 2] [--in-flight 1,256,1024]
 *         [--failover-trials 10] [--stop-trials 5] [--only atoll|etcd]
 *         [--raft '{"tailBytesMax": 8388608}'] [--profile]
 *
 * Three members of each system on loopback, each round with fresh folders, the systems in turn.
 * Prints one table and writes the raw numbers to test/bench/results/. `--profile` measures the load
 * on Atoll once and leaves a flame graph of each replica there; profiling costs speed.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Prng } from "@atoll/stdx";
import type { RaftSettings } from "raft-ts";
import { type CpuProfile, flameGraph } from "../flame-graph.ts";
import { AtollCluster } from "./atoll-cluster.ts";
import type { Cluster } from "./cluster.ts";
import { EtcdCluster, etcdVersion } from "./etcd-cluster.ts";
import { measureFailover, measureLoad } from "./measure.ts";
import {
  describeMachine,
  formatTable,
  RESULTS_FOLDER,
  writeReport,
  type RaftReport,
} from "./report.ts";

interface System {
  readonly name: string;
  readonly version: string;
  readonly start: (folder: string) => Promise<Cluster>;
}

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "5" },
    "warm-up-seconds": { type: "string", default: "2" },
    "in-flight": { type: "string", default: "1,256,1024" },
    "failover-trials": { type: "string", default: "10" },
    "stop-trials": { type: "string", default: "5" },
    only: { type: "string" },
    raft: { type: "string", default: '{"tailBytesMax":8388608}' },
    profile: { type: "boolean", default: false },
  },
});

function systems(): System[] {
  const raft = JSON.parse(options.raft) as Partial<RaftSettings>;
  const profiles = undefined;
  const all: System[] = [
    {
      name: "Atoll",
      version: "(this tree)",
      start: (folder) => AtollCluster.start(folder, { raft, profiles }),
    },
  ];
  const etcd = etcdVersion();
  if (etcd === undefined) process.stderr.write("etcd is not installed: measuring Atoll alone\n");
  else all.push({ name: "etcd", version: etcd, start: (folder) => EtcdCluster.start(folder) });
  const { only } = options;
  return all.filter(({ name }) => only === undefined || name.toLowerCase() === only.toLowerCase());
}

async function withCluster(
  system: System,
  use: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "atoll-bench-raft-"));
  try {
    const cluster = await system.start(folder);
    try {
      await use(cluster);
    } finally {
      await cluster.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureRound(system: System, round: number, report: RaftReport): Promise<void> {
  const durations = {
    warmUpMs: Number(options["warm-up-seconds"]) * 1000,
    measureMs: Number(options.seconds) * 1000,
  };
  await withCluster(system, async (cluster) => {
    for (const inFlight of options["in-flight"].split(",").map(Number)) {
      const result = await measureLoad(cluster, inFlight, durations);
      report.load.push({ system: system.name, round, result });
      process.stderr.write(`round ${round} ${system.name} ${JSON.stringify(result)}\n`);
    }
  });
}

async function measureOutages(system: System, report: RaftReport): Promise<void> {
  const prng = new Prng(Number(process.hrtime.bigint() % 1_000_000_007n));
  const trials = [
    ["SIGKILL", Number(options["failover-trials"])],
    ["SIGSTOP", Number(options["stop-trials"])],
  ] as const;
  await withCluster(system, async (cluster) => {
    for (const [signal, count] of trials) {
      const ms = await measureFailover(cluster, signal, count, prng);
      report.failover.push({ system: system.name, signal, ms });
      process.stderr.write(`${system.name} ${signal} ${ms.map(Math.round).join(" ")}\n`);
    }
  });
}

/** One round of load under the profiler, a flame graph of each replica. */
async function profileLoad(): Promise<void> {
  const raft = JSON.parse(options.raft) as Partial<RaftSettings>;
  const profiles = await mkdtemp(join(tmpdir(), "atoll-profiles-"));
  const start = (folder: string): Promise<Cluster> =>
    AtollCluster.start(folder, { raft, profiles });
  const durations = { warmUpMs: 2_000, measureMs: Number(options.seconds) * 1000 };
  const inFlight = Number(options["in-flight"].split(",").at(-1));
  await withCluster({ name: "Atoll", version: "", start }, async (cluster) => {
    const leader = await cluster.leader();
    const { perSecond } = await measureLoad(cluster, inFlight, durations);
    process.stdout.write(`${Math.round(perSecond)} commits/s, profiled, leader ${leader}\n`);
  });
  for (const name of readdirSync(profiles)) {
    const profile = JSON.parse(readFileSync(join(profiles, name), "utf8")) as CpuProfile;
    const title = `${name.replace(/-[0-9]+\.cpuprofile$/, "")}, ${inFlight} in flight`;
    const file = join(RESULTS_FOLDER, name.replace(".cpuprofile", ".svg"));
    writeFileSync(file, flameGraph(profile, title));
    process.stdout.write(`${file}\n`);
  }
  await rm(profiles, { recursive: true, force: true });
}

if (options.profile) {
  await profileLoad();
  process.exit(0);
}
const measured = systems();
const report: RaftReport = {
  startedAt: new Date().toISOString(),
  machine: describeMachine(),
  systems: measured.map(({ name, version }) => ({ name, version })),
  settings: { ...options },
  load: [],
  failover: [],
};
for (let round = 1; round <= Number(options.rounds); round += 1) {
  for (const system of measured) await measureRound(system, round, report);
}
for (const system of measured) await measureOutages(system, report);
process.stderr.write(`raw numbers in ${writeReport(report)}\n`);
process.stdout.write(`${formatTable(report)}\n`);
