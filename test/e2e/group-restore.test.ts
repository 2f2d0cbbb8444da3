/**
 * All replicas lost with their folders: the group is founded anew from a backup that was taken
 * under load, and the datacenter goes on. Gateway, bus and agents live through it.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { processesOfLab, REPOSITORY_DIR, startLab, type Lab } from "@atoll/lab";
import { NodeServiceService, NodeState } from "@atoll/proto/atoll/v1/node";
import { StoryApi } from "../story/api.ts";
import { healthyPids, killService, untilState } from "../story/cast.ts";
import { timeUntil } from "../story/measure.ts";
import { runAtoll } from "../support/run-atoll.ts";
import { WriteLoad } from "./write-load.ts";

const READY_MS = 30_000;
/** An agent begins anew half a minute after the log it knew is gone. */
const AGENTS_MS = 90_000;
const REPLICAS = [1, 2, 3] as const;

let stateDir: string;
let lab: Lab;
let api: StoryApi;
let backup: string;
/** What was acknowledged before the backup began. */
let promised: string | undefined;
let pids: ReadonlyMap<string, number>;

before(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "atoll-e2e-restore-"));
  backup = join(stateDir, "before.atollbackup");
  lab = await startLab({ stateDir, portBase: 0, restart: false, agents: 2, machine: false });
  api = new StoryApi(lab.gatewayAddress);
});

after(async () => {
  api?.[Symbol.dispose]();
  await lab?.stop();
  const left = processesOfLab(stateDir);
  await rm(stateDir, { recursive: true, force: true });
  assert.deepEqual(left, []);
});

function atoll(...words: readonly string[]): Promise<string> {
  return runAtoll(lab.gatewayAddress, ...words);
}

function folders(): string[] {
  return REPLICAS.map((id) => `${id}=${lab.process(`orchestrator-${id}`).spec.dataDir}`);
}

test("a backup is taken under load, and is whole", async () => {
  await timeUntil("two nodes", READY_MS, async () => (await api.nodes()).length === 2);
  await atoll("apply", "-f", join(REPOSITORY_DIR, "roles"));
  await untilState(api, "n1", NodeState.NODE_STATE_READY, READY_MS);
  await using load = new WriteLoad(api, "n2");
  await timeUntil("some writes", READY_MS, async () => load.done.length > 30);
  promised = load.done.at(-1);
  assert.match(await atoll("group", "backup", backup), /read again and whole/);
  await timeUntil("more writes", READY_MS, async () => load.done.length > 60);
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.match(await atoll("group", "verify", backup), /: whole$/m);
  // What happens from here on the new group will not know.
  await killService(api, "n1", "web/worker");
  pids = healthyPids(await api.node("n1"));
  assert.equal(pids.size, 2);
});

test("a restore is refused while the group lives", async () => {
  await assert.rejects(
    atoll("--datacenter", "dc1", "group", "restore", backup, "--to", join(stateDir, "new")),
    /replica \d of group atoll\/dc1 still answers/,
  );
});

test("all folders are lost; the restored group has what was promised", async () => {
  for (const id of REPLICAS) {
    const one = lab.process(`orchestrator-${id}`);
    await one.kill("SIGKILL");
    await rm(one.spec.dataDir, { recursive: true });
  }
  const words = ["--datacenter", "dc1", "group", "restore", backup, "--to", ...folders()];
  assert.match(await atoll(...words), /start the replicas on these folders/);
  await Promise.all(REPLICAS.map((id) => lab.start(`orchestrator-${id}`)));
  const { value: group } = await timeUntil("a leader of the new group", READY_MS, async () => {
    const list = await api.group();
    return list.leader !== "" && list;
  });
  assert.match(group.groupId, /^atoll\/dc1\/[0-9a-f]{8}$/);
  const node = await api.node("n2");
  const number = Number(/\d+/.exec(node?.maintenance?.reason ?? "")?.[0]);
  const least = Number(/\d+/.exec(promised ?? "")?.[0]);
  assert.ok(number >= least, `write ${least} was promised, the state has write ${number}`);
  assert.match(await atoll("event", "list", "--limit", "500"), /founded anew as atoll\/dc1\//);
});

test("the datacenter goes on: writes, agents, services; nothing runs twice", async () => {
  const name = `${api.datacenter}/nodes/n2`;
  await api.insist(NodeServiceService.endMaintenance, { name, requestId: "" }, 10_000);
  await timeUntil("the services run on and are seen", AGENTS_MS, async () => {
    const now = healthyPids(await api.node("n1"));
    return [...pids].every(([key, pid]) => now.get(key) === pid);
  });
  for (const node of ["n1", "n2"]) {
    await untilState(api, node, NodeState.NODE_STATE_READY, AGENTS_MS);
  }
  // Facts flow into the new group, and what it orders is carried out.
  process.kill(pids.get("web/app") as number, "SIGKILL");
  await timeUntil("the killed service is healthy again", AGENTS_MS, async () => {
    const now = healthyPids(await api.node("n1")).get("web/app");
    return now !== undefined && now !== pids.get("web/app");
  });
  await atoll("node", "label", "n2", "restored=yes", "--wait-timeout", "90s");
  assert.equal((await api.node("n2"))?.labels["restored"], "yes");
  const worker = healthyPids(await api.node("n1")).get("web/worker");
  assert.equal(worker, pids.get("web/worker"), "the other service ran on");
});
