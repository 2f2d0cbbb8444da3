/**
 * A small fleet against a real datacenter while parts of it are killed: what the agents made is in
 * the log once, and no order ran twice or unfenced.
 *
 * The log itself is read and compared: the fleet's own word is not enough.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Lab, startLab } from "@atoll/lab";
import { type FleetReport, runFleet } from "../bench/fleet/run-fleet.ts";
import { StoryApi } from "../story/api.ts";
import { timeUntil } from "../story/measure.ts";
import { runAtoll } from "../support/run-atoll.ts";

const AGENTS = 50;
const SEED = "20261121";
const ROLE = [
  "kind: Role",
  "name: load",
  "match: { labels: { fleet: load } }",
  "services: [{ name: app, command: [app] }]",
].join("\n");
const KNOWN_MS = 60_000;
/** As FleetNode names its changes. */
const CHANGE = /"reason":"(fleet-\d+#\d+)/g;

let stateDir: string;
let lab: Lab;
let api: StoryApi;

before(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "atoll-e2e-fleet-"));
  lab = await startLab({ stateDir, portBase: 0, agents: 0, machine: false, logLevel: "warn" });
  api = new StoryApi(lab.gatewayAddress);
});

after(async () => {
  api?.[Symbol.dispose]();
  await lab?.stop();
  await rm(stateDir, { recursive: true, force: true });
});

/** The names of all changes in the log, as often as they are there. */
async function loggedChanges(): Promise<string[]> {
  const events = await api.events();
  return events
    .filter(({ type }) => type !== "agentStarted")
    .flatMap(({ payload }) => [...JSON.stringify(payload).matchAll(CHANGE)])
    .map(([, name = ""]) => name);
}

async function applyRole(): Promise<void> {
  const file = join(stateDir, "load.yaml");
  await writeFile(file, ROLE);
  await runAtoll(lab.gatewayAddress, "apply", "--no-wait", "--file", file);
}

test("a fleet under faults: 0 lost, 0 repeated, 0 unfenced", async () => {
  await applyRole();
  const running = runFleet(lab, [
    ...["--agents", String(AGENTS), "--racks", "5", "--labels", "fleet=load", "--seed", SEED],
    ...["--duration", "15s", "--drain", "60s", "--facts-per-second", "50", "--fact-bytes", "40"],
    ...["--crashes-per-minute", "120", "--restarts-per-minute", "40"],
    ...["--flapping-percent", "4", "--slow-percent", "10", "--action-fail-percent", "5"],
    ...["--rack-outages", "1 at 3s for 4s", "--reconnects", "100% at 9s"],
  ]);
  await timeUntil("all are known", KNOWN_MS, async () => {
    const nodes = await api.nodes();
    return nodes.length === AGENTS ? true : undefined;
  });
  await lab.process("nats").kill("SIGKILL");
  await lab.process(await api.leader()).kill("SIGKILL");
  const report: FleetReport = await running;
  assert.deepEqual([report.verdict, report.violations], ["ok", []], `seed ${SEED}`);
  const { counts } = report;
  assert.equal(counts["repeated"], 0);
  assert.equal(counts["unfenced"], 0);
  assert.ok((counts["actionsRun"] ?? 0) > AGENTS, `${counts["actionsRun"]} actions`);
  assert.ok((counts["connectionsLost"] ?? 0) >= AGENTS, `${counts["connectionsLost"]} lost`);
  const logged = await loggedChanges();
  assert.ok(logged.length > 300, `${logged.length} changes`);
  assert.equal(new Set(logged).size, logged.length, "a change is in the log twice");
  assert.equal(logged.length, counts["changes"], "a change is not in the log");
});
