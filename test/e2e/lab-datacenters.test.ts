/**
 * A lab of two datacenters: each is complete, the links between their gateways are cut, slowed and
 * healed by `atoll lab`, and everything ends with the lab.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  isReady,
  isRunning,
  processesOfLab,
  readLabFile,
  REPOSITORY_DIR,
  startLab,
  type Lab,
  type LabFile,
} from "@atoll/lab";
import { StoryApi } from "../story/api.ts";
import { timeUntil } from "../story/measure.ts";
import { runAtoll } from "../support/run-atoll.ts";

const READY_MS = 60_000;
/** Nobody is there: `atoll lab` must find the lab by its state folder alone. */
const NO_GATEWAY = "127.0.0.1:1";
const SILENCE_MS = 300;

let stateDir: string;
let lab: Lab;

before(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "atoll-e2e-two-"));
  lab = await startLab({
    stateDir,
    portBase: 0,
    datacenters: ["east", "west"],
    agents: 0,
    machine: false,
    restart: false,
  });
});

after(async () => {
  await lab?.stop();
  const left = processesOfLab(stateDir);
  await rm(stateDir, { recursive: true, force: true });
  assert.deepEqual(left, []);
});

function atollLab(...words: readonly string[]): Promise<string> {
  return runAtoll(NO_GATEWAY, "lab", ...words, "--state", stateDir);
}

function labFile(): LabFile {
  const file = readLabFile(stateDir);
  assert.ok(file !== undefined);
  return file;
}

/** Whether a gateway answers a new connection to this address within a moment. */
function reaches(address: string): Promise<boolean> {
  return isReady({ type: "grpcHealth", address }, SILENCE_MS);
}

async function untilReached(address: string): Promise<void> {
  await timeUntil(`${address} is reached`, READY_MS, () => reaches(address));
}

test("each datacenter is whole, in a folder of its own", async () => {
  const file = labFile();
  assert.deepEqual(
    file.datacenters.map(({ name, stateDir: folder }) => [name, folder]),
    ["east", "west"].map((name) => [name, join(stateDir, name)]),
  );
  for (const { name, stateDir: folder } of file.datacenters) {
    const own = file.processes.filter(({ datacenter }) => datacenter === name);
    const names = ["nats", "orchestrator-1", "orchestrator-2", "orchestrator-3", "gateway"];
    assert.deepEqual(
      own.map((one) => one.name),
      names,
    );
    for (const { pid, startTicks } of own) {
      assert.ok(pid !== null && startTicks !== null && isRunning({ pid, startTicks }));
    }
    assert.deepEqual((await readdir(folder)).toSorted(), [...names, "logs"].toSorted());
  }
  assert.match(await atollLab("status"), /^east .* 5 of 5 ready\nwest .* 5 of 5 ready$/m);
});

test("both gateways answer, each about its own datacenter", async () => {
  for (const { name, gatewayAddress } of lab.datacenters) {
    using api = new StoryApi(gatewayAddress, name);
    assert.match(await api.leader(), /^orchestrator-[123]$/);
    assert.match(await runAtoll(gatewayAddress, "dc", "list"), new RegExp(`^${name} `, "m"));
  }
});

test("each gateway is told where it reaches the other, and that is a link", () => {
  const peers = lab.datacenters.map(
    (one) => one.process("gateway").spec.environment["ATOLL_PEERS"],
  );
  assert.deepEqual(peers, [
    `west=127.0.0.1:${lab.links.port("east", "west")}`,
    `east=127.0.0.1:${lab.links.port("west", "east")}`,
  ]);
});

test("`atoll lab` cuts, slows and heals what goes over the link, and nothing else", async () => {
  const west = `127.0.0.1:${lab.links.port("east", "west")}`;
  await untilReached(west);
  assert.match(await atollLab("cut", "east", "west"), /^east +west +cut [^]*^west +east +cut /m);
  assert.equal(await reaches(west), false);
  for (const { gatewayAddress } of lab.datacenters) await untilReached(gatewayAddress);
  assert.match(await atollLab("heal"), /^east +west +open [^]*^west +east +open /m);
  await untilReached(west);

  await atollLab("one-way", "east", "west");
  assert.equal(await reaches(west), false);
  await atollLab("heal", "west", "east");
  await untilReached(west);

  const slow = await atollLab("slow", "east", "west", "60ms", "0.1%", "10mbit");
  assert.match(slow, /^east +west +open +60ms +0\.1% +10mbit /m);
  await atollLab("slow", "east", "west", "60ms");
  const { tookMs } = await timeUntil("slow", READY_MS, () => reaches(west));
  assert.ok(tookMs >= 120, `${tookMs} ms there and back`);
});

test("`atoll lab` says what is wrong with a name or a number", async () => {
  const refusals: [readonly string[], number, RegExp][] = [
    [["cut", "east", "wset"], 3, /no datacenter "wset", only east, west; did you mean west\?/],
    [["cut", "east", "east"], 2, /east has no link to itself/],
    [["slow", "east", "west", "90%"], 2, /loss_ppm: 900000 is not allowed/],
    [["slow", "east", "west", "5m"], 2, /"5m" does not say how slow/],
  ];
  for (const [words, code, message] of refusals) {
    await assert.rejects(atollLab(...words), { code, stderr: message });
  }
});

test("npm start runs both, shows what becomes of the links, and leaves nothing", async () => {
  const before = labFile();
  await lab.stop();
  assert.deepEqual(processesOfLab(stateDir), []);
  await assert.rejects(atollLab("status"), { code: 4, stderr: /the lab of .* has stopped/ });

  const main = join(REPOSITORY_DIR, "deploy/lab/src/main.ts");
  const options = ["--state", stateDir, "--port-base", "0", "--agents", "0", "--no-machine"];
  const words = ["--conditions=atoll-source", main, ...options, "--datacenters", "east,west"];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  try {
    await timeUntil("it runs", READY_MS, async () => {
      assert.equal(child.exitCode, null, printed);
      return printed.includes("Ctrl-C stops everything");
    });
    for (const { name, gateway } of before.datacenters) {
      assert.ok(printed.includes(`Datacenter ${name} runs; its gateway is ${gateway}.`), printed);
    }
    assert.match(printed, /^ {2}east → west +open\n {2}west → east +open$/m);
    await atollLab("cut", "west", "east");
    await timeUntil("it says so", READY_MS, async () =>
      /link east → west: cut\n.*link west → east: cut/.test(printed),
    );
  } finally {
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
  }
  assert.deepEqual(processesOfLab(stateDir), []);
});
