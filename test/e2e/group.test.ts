/**
 * The control plane's own group while it works: replicas are added, removed, replaced and handed
 * leadership, and no write fails meanwhile.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { processesOfLab, startLab, type Lab } from "@atoll/lab";
import { GroupReplicaRole } from "@atoll/proto/atoll/v1/group";
import { StoryApi } from "../story/api.ts";
import { timeUntil } from "../story/measure.ts";
import { runAtoll } from "../support/run-atoll.ts";
import { WriteLoad } from "./write-load.ts";

const READY_MS = 30_000;

let stateDir: string;
let lab: Lab;
let api: StoryApi;
let load: WriteLoad;

before(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "atoll-e2e-group-"));
  lab = await startLab({ stateDir, portBase: 0, restart: false, agents: 1 });
  api = new StoryApi(lab.gatewayAddress);
  await timeUntil("a node", READY_MS, async () => (await api.nodes()).length > 0);
  load = new WriteLoad(api, "n1");
});

after(async () => {
  await load?.stop();
  api?.[Symbol.dispose]();
  await lab?.stop();
  const left = processesOfLab(stateDir);
  await rm(stateDir, { recursive: true, force: true });
  assert.deepEqual(left, []);
});

function atoll(...words: readonly string[]): Promise<string> {
  return runAtoll(lab.gatewayAddress, ...words);
}

async function roles(): Promise<Record<string, number>> {
  const { replicas } = await api.group();
  return Object.fromEntries(replicas.map(({ name, role }) => [name.split("/").at(-1), role]));
}

const { GROUP_REPLICA_ROLE_LEADER: LEADER, GROUP_REPLICA_ROLE_VOTER: VOTER } = GroupReplicaRole;

function votes(role: number | undefined): boolean {
  return role === VOTER || role === LEADER;
}

interface LogLine {
  readonly time: string;
  readonly step: string;
}

/** What leaders did to the membership, in order, as their logs tell; records are left out. */
async function changes(): Promise<string[]> {
  const orchestrators = lab.processes.filter(({ spec }) => spec.kind === "orchestrator");
  const logs = await Promise.all(orchestrators.map(({ spec }) => readFile(spec.logFile, "utf8")));
  return logs
    .flatMap((log) => log.split("\n").slice(0, -1))
    .filter((line) => line.includes("the group changes"))
    .map((line) => JSON.parse(line) as LogLine)
    .toSorted((one, other) => one.time.localeCompare(other.time))
    .map(({ step }) => step)
    .filter((step) => /^(addLearner|addVoter|remove) /.test(step));
}

test("a fourth replica is a learner first, then votes by itself", async () => {
  const added = await lab.addReplica(4);
  const printed = await atoll("group", "add", "4", `127.0.0.1:${added.spec.ports["grpc"]}`);
  assert.match(printed, /^replica 4 votes at 127\.0\.0\.1:\d+$/m);
  // A change is in force before its leader knows it committed, and says so.
  await timeUntil("replica 4 votes", READY_MS, async () => {
    return (await changes()).includes("addVoter 4");
  });
  assert.deepEqual(await changes(), ["addLearner 4", "addVoter 4"]);
  assert.match(await atoll("group", "list"), /^ +4 +(voter|leader) /m);
});

test("leadership is transferred on request", async () => {
  const to = Object.entries(await roles()).find(([, role]) => role === VOTER)?.[0] as string;
  assert.match(await atoll("group", "transfer", to), new RegExp(`^replica ${to} leads in term`));
  assert.equal((await roles())[to], LEADER);
});

test("a replica takes a snapshot now", async () => {
  assert.match(await atoll("group", "snapshot"), /has a snapshot at #[1-9]/);
});

test("a replica is removed, and the gateway forgets it", async () => {
  const out = Object.entries(await roles()).find(([, role]) => role === VOTER)?.[0] as string;
  assert.match(await atoll("group", "remove", out), new RegExp(`^replica ${out} has left`));
  assert.equal((await roles())[out], undefined);
  await lab.process(`orchestrator-${out}`).stop(5_000);
});

test("the leader itself is removed", async () => {
  const added = await lab.addReplica(5);
  await atoll("group", "add", "5", `127.0.0.1:${added.spec.ports["grpc"]}`);
  const out = Object.entries(await roles()).find(([, role]) => role === LEADER)?.[0] as string;
  assert.match(await atoll("group", "remove", out), new RegExp(`^replica ${out} has left`));
  await lab.process(`orchestrator-${out}`).stop(5_000);
});

test("one that was killed and wiped is replaced by one command", async () => {
  const lost = Object.entries(await roles()).find(([, role]) => role === VOTER)?.[0] as string;
  const process = lab.process(`orchestrator-${lost}`);
  await process.kill("SIGKILL");
  await rm(process.spec.dataDir, { recursive: true });
  // Who does not lead is asked, and must name the leader, which the new one has to know.
  const followers = await roles();
  const others = (await api.group()).replicas.filter(
    ({ name, reachable }) => reachable && followers[name.split("/").at(-1) ?? ""] === VOTER,
  );
  const seeds = others.map(({ name, address }) => `${name.split("/").at(-1)}=${address}`);
  const added = await lab.addReplica(6, seeds[0]);
  const address = `127.0.0.1:${added.spec.ports["grpc"]}`;
  const printed = await atoll("group", "replace", lost, "6", address);
  assert.match(printed, new RegExp(`replica 6 votes at ${address}; replica ${lost} has left`));
  const now = await roles();
  assert.equal(now[lost], undefined);
  assert.ok(votes(now["6"]));
  assert.equal(Object.keys(now).length, 3);
});

test("removing what the majority rests on is refused", async () => {
  const voters = Object.entries(await roles()).filter(([, role]) => role === VOTER);
  const [down, other] = voters.map(([id]) => id) as [string, string];
  await lab.process(`orchestrator-${down}`).kill("SIGKILL");
  await assert.rejects(atoll("group", "remove", other), /it could decide nothing any more/);
  await lab.start(`orchestrator-${down}`);
});

test("no write failed, and each is in the log once", async () => {
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.ok(load.done.length > 100, `${load.done.length} writes`);
  const written = (await api.events())
    .filter(({ payload }) => payload?.event?.$case === "maintenanceStarted")
    .map(({ text }) => /write \d+/.exec(text)?.[0]);
  assert.deepEqual(written, load.done);
});
