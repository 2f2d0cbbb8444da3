/**
 * The pause switch and a rolling change at a lab with the real services: what is kept from being
 * done stays undone, says so, and is done afterwards.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Lab, processesOfLab, REPOSITORY_DIR, startLab } from "@atoll/lab";
import { NodeState } from "@atoll/proto/atoll/v1/node";
import { ServiceStatus } from "@atoll/proto/atoll/type/v1/observation";
import { StoryApi } from "../story/api.ts";
import { healthyPid, service, untilState } from "../story/cast.ts";
import { timeUntil } from "../story/measure.ts";
import { runAtoll } from "../support/run-atoll.ts";

const READY_MS = 30_000;
const APP = "web/app";
const ROLES = join(REPOSITORY_DIR, "roles");

let stateDir: string;
let lab: Lab;
let api: StoryApi;

before(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "atoll-e2e-control-"));
  lab = await startLab({ stateDir, portBase: 0, restart: false });
  api = new StoryApi(lab.gatewayAddress);
  await timeUntil("three nodes", READY_MS, async () => (await api.nodes()).length === 3);
  await atoll("apply", "-f", ROLES);
  for (const name of ["n1", "n2"])
    await untilState(api, name, NodeState.NODE_STATE_READY, READY_MS);
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

test("atoll pause: a killed service stays down and why says so, until atoll resume", async () => {
  assert.match(
    await atoll("pause", "--reason", "the switch is replaced"),
    /^actions are paused by/,
  );
  const actionsBefore = (await api.actions("n1")).length;
  const killed = healthyPid(await api.node("n1"), APP);
  assert.ok(killed !== undefined);
  process.kill(killed, "SIGKILL");
  await timeUntil("the crash is known", READY_MS, async () => {
    const status = service(await api.node("n1"), APP)?.observation?.status;
    return status === ServiceStatus.SERVICE_STATUS_CRASHED;
  });
  const page = await atoll("why", "node/n1");
  assert.match(page, /held: paused by \S+ since #\d+: the switch is replaced/);
  assert.match(page, /web\/app crashed/);
  assert.match(await atoll("node", "list"), /^dc1: actions are paused by/m);
  assert.match(await atoll("dc", "show"), /^actions +paused by/m);
  // The leader of another term keeps the pause as well: it is in the log.
  const leader = await api.leader();
  await lab.process(leader).kill("SIGKILL");
  await timeUntil("another leads", READY_MS, async () => {
    const now = await api.leader().catch(() => leader);
    return now !== leader;
  });
  await lab.start(leader);
  assert.equal(healthyPid(await api.node("n1"), APP), undefined);
  assert.equal((await api.actions("n1")).length, actionsBefore);

  assert.equal(await atoll("resume"), "actions are resumed\n");
  await timeUntil("it is healthy again", READY_MS, async () => {
    const pid = healthyPid(await api.node("n1"), APP);
    return pid !== undefined && pid !== killed;
  });
  await assert.rejects(atoll("resume"), /actions are not paused/);
});

test("a changed role rolls: one of the lab's nodes after the other", async () => {
  for (const name of ["n1", "n2"])
    await untilState(api, name, NodeState.NODE_STATE_READY, READY_MS);
  const role = await readFile(join(ROLES, "web.yaml"), "utf8");
  const changed = join(stateDir, "web.yaml");
  // The server's file changes on both nodes at once; the service that reads it rolls.
  await writeFile(changed, role.replace("serving on port", "serving now on port"));
  const from = (await api.events()).at(-1)?.index ?? 0;
  await atoll("apply", "-f", changed);
  const events = (await api.events()).filter(({ index }) => index > from);
  const away = new Set<string>();
  let most = 0;
  const planned: string[] = [];
  for (const { type, node, text } of events) {
    if (type === "actionPlanned" && text.includes(`start service ${APP}`)) {
      away.add(node);
      planned.push(node);
    }
    if (type === "disruptionEnded") away.delete(node);
    most = Math.max(most, away.size);
  }
  const told = events.map(({ text }) => text).join("\n");
  assert.deepEqual([new Set(planned).size, planned.length, most], [2, 2, 1], told);
});

test("atoll limits set: who and why stay under the next leader, and clocks agree", async () => {
  assert.match(await atoll("limits", "show"), /never: these are the defaults/);
  const reason = "half of it is new";
  const said = await atoll("limits", "set", "--storm-percent", "60", "--reason", reason);
  assert.match(said, /healing is held +when more than 60 % ail, and at least 5 nodes/);
  const leader = await api.leader();
  await lab.process(leader).kill("SIGKILL");
  await timeUntil("another leads", READY_MS, async () => {
    const now = await api.leader().catch(() => leader);
    return now !== leader;
  });
  await lab.start(leader);
  const shown = await atoll("limits", "show");
  assert.match(shown, /^nodes disrupted at once +20 %, and always one$/m);
  assert.match(shown, /^set +by \S+, .* \(#\d+\): half of it is new$/m);
  await timeUntil("each replica hears the clocks of the others", READY_MS, async () => {
    const { replicas } = await api.dc();
    return replicas.every(({ clockAhead, timeAhead }) => {
      return [clockAhead, timeAhead].every((ahead) => ahead !== undefined && ahead.seconds === 0);
    });
  });
});
