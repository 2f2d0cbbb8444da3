/**
 * Two real agents under one name: both are named, neither is obeyed, and the one that is left goes
 * on by itself.
 *
 * The first twin is a copy of the node's data folder, taken while its agent runs; the second has a
 * folder of its own, as a machine that was given a name that is taken.
 */
import assert from "node:assert/strict";
import { cpSync, mkdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { freePorts, LabProcess, processesOfLab, startLab, type Lab } from "@atoll/lab";
import { NodeState } from "@atoll/proto/atoll/v1/node";
import { StoryApi } from "../story/api.ts";
import { timeUntil } from "../story/measure.ts";
import { runAtoll } from "../support/run-atoll.ts";

const READY_MS = 30_000;
/** Three heartbeats, and what a loaded machine takes on top. */
const FOUND_MS = 10_000;
/** Ten seconds alone, after the half minute that replicas give every agent when they start. */
const ENDED_MS = 60_000;

let stateDir: string;
let lab: Lab;
let api: StoryApi;

before(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "atoll-e2e-twins-"));
  lab = await startLab({ stateDir, portBase: 0, restart: false, agents: 2, machine: false });
  api = new StoryApi(lab.gatewayAddress);
  await timeUntil("both nodes", READY_MS, async () => (await api.nodes()).length === 2);
});

after(async () => {
  api?.[Symbol.dispose]();
  await lab?.stop();
  const left = processesOfLab(stateDir);
  await rm(stateDir, { recursive: true, force: true });
  assert.deepEqual(left, []);
});

/** An agent under the name of a node of the lab, not started; `copied`: with its data folder. */
async function twinOf(name: string, copied: boolean): Promise<LabProcess> {
  const { spec } = lab.process(name);
  const { admin = 0 } = await freePorts({ admin: 0 }, {});
  const dataDir = join(stateDir, `${name}-twin`, "data");
  const rootDir = join(stateDir, `${name}-twin`, "root");
  mkdirSync(rootDir, { recursive: true });
  if (copied) cpSync(spec.dataDir, dataDir, { recursive: true });
  const environment = {
    ...spec.environment,
    ATOLL_DATA_DIR: dataDir,
    ATOLL_ROOT_DIR: rootDir,
    ATOLL_ADMIN_PORT: String(admin),
  };
  const twin = {
    ...spec,
    environment,
    dataDir,
    rootDir,
    ports: { ...spec.ports, admin },
    logFile: join(stateDir, `${name}-twin.log`),
    ready: { type: "http", url: `http://127.0.0.1:${admin}/healthz` } as const,
  };
  const unsupervised = { restart: false, report: () => undefined, changed: () => undefined };
  return new LabProcess(twin, unsupervised);
}

async function countOf(type: string, node: string): Promise<number> {
  const events = await api.events();
  return events.filter((event) => event.type === type && event.node.endsWith(`/${node}`)).length;
}

async function untilContested(context: TestContext, name: string, twin: LabProcess): Promise<void> {
  const { tookMs } = await timeUntil(`${name} is contested`, FOUND_MS, async () => {
    return (await api.node(name))?.state === NodeState.NODE_STATE_CONTESTED;
  });
  context.diagnostic(`found ${Math.round(tookMs)} ms after the twin was ready`);
  const why = await runAtoll(lab.gatewayAddress, "why", `node/${name}`);
  assert.match(why, /contested: 2 agents speak under its name/);
  for (const { pid } of [lab.process(name), twin]) assert.match(why, new RegExp(`pid ${pid} on `));
  assert.match(why, / at 127\.0\.0\.1 /);
  const list = await runAtoll(lab.gatewayAddress, "node", "list");
  assert.match(list, new RegExp(`^${name} +contested`, "m"));
}

async function untilEnded(context: TestContext, name: string): Promise<void> {
  const { tookMs } = await timeUntil(`the conflict about ${name} is over`, ENDED_MS, async () => {
    const node = await api.node(name);
    return node?.state === NodeState.NODE_STATE_DISCOVERED && node.inventory !== undefined;
  });
  context.diagnostic(`went on ${Math.round(tookMs)} ms after its twin was killed`);
  assert.equal(await countOf("identityConflict", name), 1);
  assert.equal(await countOf("identityConflictEnded", name), 1);
  assert.equal(await countOf("nodeLost", name), 0);
}

/** A change of what the node's agent sees, and that the log has it. */
async function reportsAgain(name: string): Promise<void> {
  const started = await countOf("agentStarted", name);
  await lab.process(name).kill("SIGKILL");
  await lab.start(name);
  await timeUntil(`${name} is heard`, READY_MS, async () => {
    return (await countOf("agentStarted", name)) > started;
  });
}

test("a copied data folder: found, both named, and the node goes on", async (context) => {
  const twin = await twinOf("n1", true);
  await twin.start();
  try {
    await untilContested(context, "n1", twin);
  } finally {
    await twin.kill("SIGKILL");
  }
  await untilEnded(context, "n1");
  await reportsAgain("n1");
});

test("a name given twice: found, both named, and the node goes on", async (context) => {
  const twin = await twinOf("n2", false);
  await twin.start();
  try {
    await untilContested(context, "n2", twin);
  } finally {
    await twin.kill("SIGKILL");
  }
  await untilEnded(context, "n2");
  await reportsAgain("n2");
  // The newcomer counted as an installation, and the node that was left as one more.
  assert.equal(await countOf("nodeWiped", "n2"), 2);
});

test("ten restarts in a row are no conflict", async () => {
  const before = await countOf("identityConflict", "n1");
  for (let count = 0; count < 10; count += 1) {
    await lab.process("n1").kill("SIGKILL");
    await lab.start("n1");
  }
  await reportsAgain("n1");
  assert.equal(await countOf("identityConflict", "n1"), before);
});
