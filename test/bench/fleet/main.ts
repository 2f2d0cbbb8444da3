/**
 * Measures a datacenter under whole fleets of agents, one size after the other.
 *
 *     node --conditions=atoll-source test/bench/fleet/main.ts
 *         [--agents 100,1000,10000] [--minutes 10] [--rate 2000] [--crashes-per-minute 60]
 *         [--starts-per-second 200] [--seed 1] [--profile]
 *         [--goals] [--goal-rounds 3] [--goal-seconds 60] [--publish] [--of RESULTS.json]
 *
 * Real processes on loopback: nats-server, three orchestrator replicas, a gateway; the fleet is
 * `atoll-fleet`. Each size has a fresh datacenter, and what its nats-server does alone with the
 * same payload is measured first. Prints tables; leaves the raw numbers and a plot of each size in
 * test/bench/results/. `--profile` leaves a flame graph of the busiest orchestrator there as well;
 * its numbers are those of a profiled process. `--goals` first runs the bench of the control plane
 * for the goals of events, actions and agents, and prints each goal beside what was measured.
 * `--publish` puts tables and plot into docs/operations/sizing.md; with `--of` those of raw numbers
 * that are there, and measures nothing. Ends with 1 when an order ran twice or unfenced, or a fact
 * was not committed.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Lab, startLab } from "@atoll/lab";
import { RoleServiceClient } from "@atoll/proto/atoll/v1/role";
import { channelCredentials } from "@atoll/service-kit";
import { flameGraph } from "../flame-graph.ts";
import { describeMachine, RESULTS_FOLDER } from "../raft/report.ts";
import { profileBusiest } from "./leader-profile.ts";
import { measureNatsAlone } from "./nats-alone.ts";
import { ProcessWatch } from "./process-watch.ts";
import { formatReport, publish, type Report } from "./publish.ts";
import { runControlPlane } from "./run-control-plane.ts";
import { runFleet } from "./run-fleet.ts";
import { type Measured, plotFleet } from "./table.ts";

const { values } = parseArgs({
  options: {
    agents: { type: "string", default: "100,1000,10000" },
    minutes: { type: "string", default: "10" },
    rate: { type: "string", default: "2000" },
    "crashes-per-minute": { type: "string", default: "60" },
    "starts-per-second": { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    profile: { type: "boolean", default: false },
    goals: { type: "boolean", default: false },
    "goal-rounds": { type: "string", default: "3" },
    "goal-seconds": { type: "string", default: "60" },
    publish: { type: "boolean", default: false },
    of: { type: "string" },
  },
});
const AGENTS_PER_RACK = 40;
const NATS_ALONE = { inFlight: 256, bytes: 256, seconds: 5 };
/** Into the run, once everything is warm. */
const PROFILE_AFTER_MS = 10_000;
const PROFILE_SECONDS = 10;
/** The agents match it; nothing of it really runs. */
const ROLE = [
  "kind: Role",
  "name: load",
  "match: { labels: { fleet: load } }",
  "services: [{ name: app, command: [app] }]",
].join("\n");

/** Ctrl-C ends the size under way, and its datacenter, and tells what there is. */
const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => stop.abort(name));
const machine = describeMachine();
const startedAt = new Date().toISOString();
const stem = `fleet-${startedAt.replaceAll(/[:.]/g, "-")}`;
mkdirSync(RESULTS_FOLDER, { recursive: true });

function applyRole(lab: Lab): Promise<void> {
  const client = new RoleServiceClient(lab.gatewayAddress, channelCredentials("insecure-for-lab"));
  const documents = [{ fileName: "load.yaml", text: ROLE }];
  return new Promise<void>((resolve, reject) => {
    client.applyRoles({ documents, validateOnly: false, requestId: "bench" }, (error) =>
      error === null ? resolve() : reject(error as Error),
    );
  }).finally(() => client.close());
}

async function measure(agents: number): Promise<Measured> {
  const stateDir = mkdtempSync(join(tmpdir(), "atoll-bench-"));
  const lab = await startLab({
    stateDir,
    portBase: 0,
    agents: 0,
    machine: false,
    restart: false,
    logLevel: "warn",
  });
  try {
    const nats = await measureNatsAlone({ url: lab.natsUrl, ...NATS_ALONE });
    await applyRole(lab);
    await using watch = await ProcessWatch.start(lab);
    const [minutes, rate] = [Number(values.minutes), Number(values.rate)];
    const settling = agents / Number(values["starts-per-second"]);
    const profiling = values.profile
      ? pause(settling * 1_000 + PROFILE_AFTER_MS).then(() => profile(lab, agents))
      : Promise.resolve();
    const scenario = [
      ...["--agents", String(agents), "--labels", "fleet=load", "--seed", values.seed],
      ...["--racks", String(Math.ceil(agents / AGENTS_PER_RACK))],
      ...["--starts-per-second", values["starts-per-second"]],
      ...["--duration", `${Math.round(minutes * 60)}s`, "--facts-per-second", String(rate)],
      ...["--crashes-per-minute", values["crashes-per-minute"]],
    ];
    const fleet = await runFleet(lab, scenario, stop.signal);
    await profiling;
    return { agents, rate, minutes, nats, fleet, processes: watch.samples };
  } finally {
    await lab.stop();
    rmSync(stateDir, { recursive: true, force: true });
  }
}

async function profile(lab: Lab, agents: number): Promise<void> {
  const found = await profileBusiest(lab, PROFILE_SECONDS);
  const file = join(RESULTS_FOLDER, `${stem}-${agents}-leader.svg`);
  writeFileSync(file, flameGraph(found, `busiest orchestrator, ${agents} agents`));
  process.stderr.write(`${file}\n`);
}

async function measureAll(): Promise<Report> {
  const controlPlane = values.goals
    ? await runControlPlane({
        file: join(RESULTS_FOLDER, `${stem}-goals.json`),
        rounds: values["goal-rounds"],
        seconds: values["goal-seconds"],
        signal: stop.signal,
      })
    : [];
  const measured: Measured[] = [];
  const report = { startedAt, machine, settings: values, measured, controlPlane };
  for (const agents of values.agents.split(",").map(Number)) {
    if (stop.signal.aborted) break;
    process.stderr.write(`── ${agents} agents\n`);
    const one = await measure(agents);
    measured.push(one);
    writeFileSync(join(RESULTS_FOLDER, `${stem}-${agents}.svg`), plotFleet(one, machine));
    writeFileSync(join(RESULTS_FOLDER, `${stem}.json`), `${JSON.stringify(report)}\n`);
  }
  return report;
}

const report =
  values.of === undefined
    ? await measureAll()
    : (JSON.parse(readFileSync(values.of, "utf8")) as Report);
process.stdout.write(`${formatReport(report)}\n`);
if (values.publish) process.stderr.write(`${publish(report).join("\n")}\n`);
if (report.measured.some(({ fleet }) => fleet.verdict !== "ok")) process.exitCode = 1;
