/**
 * Who is declared lost, with real processes: an agent that was killed, in time; nobody because a
 * replica stood still or the bus was away.
 *
 * That sight is whole again after a fault is shown by a killed agent that is found: a verdict takes
 * every watcher that listens.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { setTimeout as pass } from "node:timers/promises";
import { processesOfLab, startLab, type Lab } from "@atoll/lab";
import { StoryApi } from "../story/api.ts";
import { timeUntil } from "../story/measure.ts";

const READY_MS = 30_000;
/** After the bus was away every node has half a minute to come back. */
const VERDICT_MS = 60_000;
const PAUSE_MS = 5_000;
const AGENTS = 4;
/** Of each node. */
const WATCHERS = 2;

let stateDir: string;
let lab: Lab;
let api: StoryApi;

before(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "atoll-e2e-detection-"));
  const options = { portBase: 0, restart: false, agents: AGENTS, machine: false };
  lab = await startLab({ stateDir, ...options });
  api = new StoryApi(lab.gatewayAddress);
  await timeUntil("all nodes", READY_MS, allHeard);
});

after(async () => {
  api?.[Symbol.dispose]();
  await lab?.stop();
  const left = processesOfLab(stateDir);
  await rm(stateDir, { recursive: true, force: true });
  assert.deepEqual(left, []);
});

/** The nodes that the log ever called lost, in order. */
async function everLost(): Promise<string[]> {
  const lost = (await api.events()).filter(({ type }) => type === "nodeLost");
  return lost.map(({ node }) => node.split("/").at(-1) ?? "");
}

async function countOf(type: string, node: string): Promise<number> {
  const events = await api.events();
  return events.filter((event) => event.type === type && event.node.endsWith(`/${node}`)).length;
}

/** Kills the agent of a node, waits for the verdict, starts it again and waits for its return. */
async function killAndFind(context: TestContext, node: string): Promise<void> {
  const [lost, returned] = [await countOf("nodeLost", node), await countOf("nodeReturned", node)];
  await lab.process(node).kill("SIGKILL");
  const { tookMs } = await timeUntil(`${node} is lost`, VERDICT_MS, async () => {
    return (await countOf("nodeLost", node)) > lost;
  });
  context.diagnostic(`${node} was lost ${Math.round(tookMs)} ms after its agent was killed`);
  await lab.start(node);
  await timeUntil(`${node} is back`, READY_MS, async () => {
    return (await countOf("nodeReturned", node)) > returned;
  });
}

/** Whether every replica can hear, and hears every node that it watches. */
async function allHeard(): Promise<boolean> {
  const replicas = lab.processes.filter(({ spec }) => spec.kind === "orchestrator");
  const figures = await Promise.all(
    replicas.map(async ({ spec }) => {
      const response = await fetch(`http://127.0.0.1:${spec.ports["admin"]}/metrics`);
      const text = await response.text();
      return (name: string): number => {
        return Number(new RegExp(`^atoll_watch_${name}\\{?.* (\\d+)$`, "m").exec(text)?.[1] ?? NaN);
      };
    }),
  );
  const nodes = figures.map((read) => read("nodes")).reduce((sum, count) => sum + count, 0);
  const silent = figures.map((read) => read("nodes_unheard") + read("nodes_doubted"));
  return nodes === AGENTS * WATCHERS && silent.every((count) => count === 0);
}

async function standStill(name: string): Promise<void> {
  lab.pause(name);
  await pass(PAUSE_MS);
  lab.resume(name);
}

test("an agent that is killed is lost, and nobody else", async (context) => {
  await killAndFind(context, "n1");
  assert.deepEqual(await everLost(), ["n1"]);
});

test("nobody is lost because the leader stood still", async (context) => {
  await standStill(await api.leader());
  await killAndFind(context, "n2");
  assert.deepEqual(await everLost(), ["n1", "n2"]);
});

test("nobody is lost because a follower stood still", async (context) => {
  const leader = await api.leader();
  const follower = ["orchestrator-1", "orchestrator-2", "orchestrator-3"].find(
    (name) => name !== leader,
  );
  await standStill(follower ?? "");
  await killAndFind(context, "n3");
  assert.deepEqual(await everLost(), ["n1", "n2", "n3"]);
});

test("nobody is lost because nats-server was killed and started again", async (context) => {
  await lab.process("nats").kill("SIGKILL");
  await lab.start("nats");
  const { tookMs } = await timeUntil("all are heard", READY_MS, allHeard);
  context.diagnostic(
    `all were heard by their watchers ${Math.round(tookMs)} ms after it ran again`,
  );
  await killAndFind(context, "n4");
  assert.deepEqual(await everLost(), ["n1", "n2", "n3", "n4"]);
});
