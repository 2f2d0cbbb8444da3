/**
 * Measures Raft commits and failover, with etcd beside it where it is installed.
 *
 *     node --conditions=atoll-source test/bench/raft/main.ts
 *         [--rounds 5] [--seconds 5] [--warm-up-seconds 2] [--in-flight 1,256,1024]
 *         [--failover-trials 10] [--stop-trials 5] [--only atoll|etcd]
 *         [--settings '{"retainEntries": 5000}'] [--profile]
 *
 * Three members of each system on loopback, the systems in turn; each round measures load and lost
 * leaders, with fresh folders. The trials are totals, spread over the rounds. Prints one table and
 * writes the raw numbers to test/bench/results/. `--profile` puts a load on Atoll once more after
 * all that and leaves a flame graph of each replica there; profiling costs speed, so its numbers
 * are in no table. With `--rounds 0` that is all. Ends with 1 when a read was stale.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Prng } from "@atoll/stdx";
import type { ReplicaSettings } from "@atoll/raft-replica";
import { type CpuProfile, flameGraph } from "../flame-graph.ts";
import { AtollCluster } from "./atoll-cluster.ts";
import type { Cluster } from "./cluster.ts";
import { EtcdCluster, etcdVersion } from "./etcd-cluster.ts";
import { measureFailover } from "./failover.ts";
import { measureLoad } from "./measure.ts";
import {
  countReads,
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

/**
 * A snapshot each 100,000 entries with 5,000 kept behind it, as etcd 3.4 does by default; of the
 * log's tail, each replica keeps as much in memory as the orchestrator does.
 */
const SETTINGS: Partial<ReplicaSettings> = {
  snapshotEveryEntries: 100_000,
  retainEntries: 5_000,
  raft: { tailBytesMax: 8_388_608 },
};

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "5" },
    "warm-up-seconds": { type: "string", default: "2" },
    "in-flight": { type: "string", default: "1,256,1024" },
    "failover-trials": { type: "string", default: "10" },
    "stop-trials": { type: "string", default: "5" },
    only: { type: "string" },
    settings: { type: "string", default: JSON.stringify(SETTINGS) },
    profile: { type: "boolean", default: false },
  },
});

const rounds = Number(options.rounds);

function systems(): System[] {
  const settings = JSON.parse(options.settings) as Partial<ReplicaSettings>;
  const profiles = undefined;
  const all: System[] = [
    {
      name: "Atoll",
      version: "(this tree)",
      start: (folder) => AtollCluster.start(folder, { settings, profiles }),
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

/** This round's share of all trials. */
async function measureOutages(system: System, round: number, report: RaftReport): Promise<void> {
  const share = (total: string): number =>
    Math.floor((Number(total) * round) / rounds) -
    Math.floor((Number(total) * (round - 1)) / rounds);
  const kills = share(options["failover-trials"]);
  const stops = share(options["stop-trials"]);
  if (kills + stops === 0) return;
  const prng = new Prng(Number(process.hrtime.bigint() % 1_000_000_007n));
  await withCluster(system, async (cluster) => {
    for (const [signal, trials] of [
      ["SIGKILL", kills],
      ["SIGSTOP", stops],
    ] as const) {
      if (trials === 0) continue;
      const result = await measureFailover(cluster, signal, trials, prng);
      report.failover.push({ system: system.name, round, signal, result });
      const told = `${result.ms.map(Math.round).join(" ")} ${JSON.stringify(result.reads)}`;
      process.stderr.write(`round ${round} ${system.name} ${signal} ${told}\n`);
    }
  });
}

/** One round of load under the profiler, a flame graph of each replica. */
async function profileLoad(): Promise<void> {
  const settings = JSON.parse(options.settings) as Partial<ReplicaSettings>;
  const profiles = await mkdtemp(join(tmpdir(), "atoll-profiles-"));
  const start = (folder: string): Promise<Cluster> =>
    AtollCluster.start(folder, { settings, profiles });
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

async function measureAll(): Promise<void> {
  const measured = systems();
  const report: RaftReport = {
    startedAt: new Date().toISOString(),
    machine: describeMachine(),
    systems: measured.map(({ name, version }) => ({ name, version })),
    settings: { ...options },
    load: [],
    failover: [],
  };
  for (let round = 1; round <= rounds; round += 1) {
    for (const system of measured) {
      await measureRound(system, round, report);
      await measureOutages(system, round, report);
    }
  }
  process.stderr.write(`raw numbers in ${writeReport(report)}\n`);
  process.stdout.write(`${formatTable(report)}\n`);
  if (measured.some(({ name }) => countReads(report, name).stale > 0)) process.exitCode = 1;
}

if (rounds > 0) await measureAll();
if (options.profile) await profileLoad();
