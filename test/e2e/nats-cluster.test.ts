/**
 * A lab with a NATS cluster of three: it does its work while servers of the cluster are killed, and
 * goes on where it stood when it is started again, with three servers or with one.
 */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { processesOfLab, readLabFile, REPOSITORY_DIR, type LabFile } from "@atoll/lab";
import { NodeState } from "@atoll/proto/atoll/v1/node";
import { connect } from "@nats-io/transport-node";
import { StoryApi } from "../story/api.ts";
import { killService, untilState } from "../story/cast.ts";
import { timeUntil } from "../story/measure.ts";
import { runAtoll } from "../support/run-atoll.ts";

/** A cluster without a leader elects one in 4 to 9 seconds. */
const READY_MS = 60_000;

let stateDir: string;
let lab: ChildProcess | undefined;
let api: StoryApi;

before(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "atoll-e2e-nats-"));
  await start("3");
});

after(async () => {
  await stop();
  const left = processesOfLab(stateDir);
  await rm(stateDir, { recursive: true, force: true });
  assert.deepEqual(left, []);
});

/** As `npm start -- --nats N` does, in a process of its own. */
async function start(nats: string): Promise<void> {
  const main = join(REPOSITORY_DIR, "deploy/lab/src/main.ts");
  const options = ["--state", stateDir, "--port-base", "0", "--agents", "1", "--no-machine"];
  const words = ["--conditions=atoll-source", main, ...options, "--nats", nats];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  lab = child;
  let screen = "";
  child.stdout.on("data", (chunk) => (screen += String(chunk)));
  await timeUntil("the lab runs", READY_MS, () => Promise.resolve(screen.includes("dc1 runs")));
  api = new StoryApi(labFile().gateway);
}

async function stop(): Promise<void> {
  api?.[Symbol.dispose]();
  if (lab === undefined) return;
  const ended = once(lab, "exit");
  lab.kill("SIGTERM");
  lab = undefined;
  assert.deepEqual(await ended, [0, null]);
}

function labFile(): LabFile {
  const file = readLabFile(stateDir);
  assert.ok(file !== undefined);
  return file;
}

function servers(): LabFile["processes"] {
  return labFile().processes.filter(({ kind }) => kind === "nats");
}

test("lab.json lists all three, and the stream of facts lies on each", async () => {
  assert.deepEqual(
    servers().map(({ name }) => name),
    ["nats-1", "nats-2", "nats-3"],
  );
  const urls = labFile().natsUrl.split(",");
  assert.equal(urls.length, 3);
  await untilState(api, "n1", NodeState.NODE_STATE_DISCOVERED, READY_MS);
  await using connection = await connect({ servers: urls });
  const answer = await connection.request("$JS.API.STREAM.INFO.ATOLL_FACTS_dc1");
  const info = answer.json<{ readonly config: { readonly num_replicas: number } }>();
  assert.equal(info.config.num_replicas, 3);
});

test("a node is made ready, and its service healed, whichever server is killed", async () => {
  await runAtoll(labFile().gateway, "apply", "-f", join(REPOSITORY_DIR, "roles"));
  await untilState(api, "n1", NodeState.NODE_STATE_READY, READY_MS);
  for (const { name, pid } of servers()) {
    assert.ok(pid !== null);
    process.kill(pid, "SIGKILL");
    await killService(api, "n1", "web/app");
    await timeUntil(`${name} is started again`, READY_MS, () => {
      const now = servers().find((one) => one.name === name)?.pid ?? null;
      return Promise.resolve(now !== null && now !== pid);
    });
  }
});

test("the lab goes on where it stood with one server, and again with three", async () => {
  for (const nats of ["1", "3"]) {
    await stop();
    await start(nats);
    assert.equal(servers().length, Number(nats));
    await untilState(api, "n1", NodeState.NODE_STATE_READY, READY_MS);
    await killService(api, "n1", "web/app");
  }
});
