/**
 * The lab with the real services: starts, does its work while parts of it are killed, stops, and
 * leaves nothing behind.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  isRunning,
  processesOfLab,
  readLabFile,
  REPOSITORY_DIR,
  signal,
  startLab,
  type Lab,
} from "@atoll/lab";
import { NodeState } from "@atoll/proto/atoll/v1/node";
import { StoryApi } from "../story/api.ts";
import { healthyPid, healthyPids, killService, untilState } from "../story/cast.ts";
import { timeUntil } from "../story/measure.ts";
import { runAtoll } from "../support/run-atoll.ts";

const READY_MS = 30_000;
const STOP_MS = 60_000;
const ANSWER_MS = 5_000;

let stateDir: string;
let lab: Lab;
let api: StoryApi;

before(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "atoll-e2e-lab-"));
  lab = await startLab({ stateDir, portBase: 0, restart: false });
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

test("lab.json lists every process as it is", async () => {
  const file = readLabFile(stateDir);
  assert.ok(file !== undefined);
  assert.equal(file.gateway, lab.gatewayAddress);
  const kinds = file.processes.map(({ kind }) => kind);
  assert.deepEqual(
    ["nats", "orchestrator", "gateway", "agent"].map(
      (kind) => kinds.filter((one) => one === kind).length,
    ),
    [1, 3, 1, 3],
  );
  for (const { name, pid, startTicks } of file.processes) {
    assert.ok(pid !== null && startTicks !== null && isRunning({ pid, startTicks }), name);
  }
});

test("agents that nobody announced are listed as discovered", async () => {
  const { value: nodes } = await timeUntil("three nodes", READY_MS, async () => {
    const listed = await api.nodes();
    const known = listed.filter((node) => node.state === NodeState.NODE_STATE_DISCOVERED);
    return known.length === 3 && known;
  });
  for (const node of nodes) assert.ok(node.inventory?.kernel !== undefined, node.name);
  assert.match(await atoll("node", "list"), /^n1 +discovered/m);
});

test("roles make the lab nodes ready, and they serve", async () => {
  const printed = await atoll("apply", "-f", join(REPOSITORY_DIR, "roles"));
  assert.match(printed, /succeeded/);
  for (const name of ["n1", "n2"]) {
    await untilState(api, name, NodeState.NODE_STATE_READY, READY_MS);
    const url = `http://127.0.0.1:${lab.process(name).spec.ports["service"]}/`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) });
    assert.equal(((await answer.json()) as { readonly node: string }).node, name);
  }
  const page = await atoll("why", "node/n1");
  for (const section of ["Desired", "Observed", "Doing", "Waiting", "Recent"]) {
    assert.match(page, new RegExp(`^${section}$`, "m"));
  }
});

test("a killed service is healthy again under another pid", async () => {
  await killService(api, "n1", "web/app");
});

test("an agent that is killed and started takes its services over", async () => {
  await untilState(api, "n1", NodeState.NODE_STATE_READY, READY_MS);
  const before = healthyPids(await api.node("n1"));
  assert.equal(before.size, 2);
  await lab.process("n1").kill("SIGKILL");
  await lab.start("n1");
  await untilState(api, "n1", NodeState.NODE_STATE_READY, READY_MS);
  assert.deepEqual(healthyPids(await api.node("n1")), before);
});

test("the loop goes on without its leader, and without nats-server when that is back", async () => {
  const leader = await api.leader();
  await lab.process(leader).kill("SIGKILL");
  await killService(api, "n2", "web/app");
  await lab.start(leader);

  await lab.process("nats").kill("SIGKILL");
  const pid = healthyPid(await api.node("n2"), "web/worker");
  assert.ok(pid !== undefined);
  process.kill(pid, "SIGKILL");
  await lab.start("nats");
  await timeUntil("the worker is healthy again", READY_MS, async () => {
    const now = healthyPid(await api.node("n2"), "web/worker");
    return now !== undefined && now !== pid;
  });
});

test("a paused gateway answers again when it goes on", async () => {
  lab.pause("gateway");
  await assert.rejects(atoll("node", "list", "--timeout", "1s"), (error: { code?: number }) => {
    return error.code === 5;
  });
  lab.resume("gateway");
  assert.match(await atoll("node", "list"), /^n1 /m);
});

test("a second lab on the same state folder is refused with a clear word", async () => {
  await assert.rejects(startLab({ stateDir, portBase: 0 }), /a lab runs here already/);
});

test("an agent that is added appears, and goes with the lab", async () => {
  const added = await lab.addAgent({ name: "n7", labels: { tier: "web" } });
  await untilState(api, "n7", NodeState.NODE_STATE_READY, READY_MS);
  assert.ok(added.pid !== undefined);
  assert.ok(readLabFile(stateDir)?.processes.some(({ name }) => name === "n7"));
});

test("npm start: Ctrl-C leaves nothing, and the next start goes on where it was", async () => {
  const folder = await mkdtemp(join(tmpdir(), "atoll-e2e-start-"));
  try {
    const first = await startInForeground(folder);
    const roles = join(REPOSITORY_DIR, "roles");
    // The option goes before the environment, which names a gateway that is not there.
    await runAtoll("127.0.0.1:1", "apply", "-f", roles, "--gateway", first.gateway);
    await first.interrupt();
    assert.deepEqual(processesOfLab(folder), []);
    const second = await startInForeground(folder);
    assert.equal(second.gateway, first.gateway);
    using again = new StoryApi(second.gateway);
    await untilState(again, "n1", NodeState.NODE_STATE_READY, READY_MS);
    await second.interrupt();
    assert.deepEqual(processesOfLab(folder), []);
  } finally {
    // Nothing is left to kill unless something above has failed.
    const lab = readLabFile(folder)?.lab;
    for (const identity of [...(lab === undefined ? [] : [lab]), ...processesOfLab(folder)]) {
      signal(identity, "SIGKILL");
    }
    await rm(folder, { recursive: true, force: true });
  }
});

interface Foreground {
  readonly gateway: string;
  readonly interrupt: () => Promise<void>;
}

/** `npm start` without npm: with one lab node, on free ports. */
async function startInForeground(folder: string): Promise<Foreground> {
  const start = join(REPOSITORY_DIR, "scripts/start.mjs");
  const words = ["--state", folder, "--port-base", "0", "--agents", "1", "--no-machine"];
  const child = spawn(process.execPath, [start, ...words], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  await timeUntil("the screen is printed", 60_000, async () => {
    assert.equal(child.exitCode, null, printed);
    return printed.includes("Ctrl-C stops everything");
  });
  const file = JSON.parse(await readFile(join(folder, "lab.json"), "utf8")) as { gateway: string };
  return {
    gateway: file.gateway,
    interrupt: async () => {
      child.kill("SIGINT");
      const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
      await timeUntil("it has ended", STOP_MS, async () => ended());
      assert.equal(child.exitCode, 0, printed);
    },
  };
}
