/**
 * A lab of two datacenters: each is complete and knows nothing of the other's nodes, the links
 * between their gateways are cut and healed, and everything ends with the lab.
 */
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  isRunning,
  processesOfLab,
  readLabFile,
  startLab,
  type Lab,
  type LabFile,
} from "@atoll/lab";
import { StoryApi } from "../story/api.ts";
import { runAtoll } from "../support/run-atoll.ts";

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

function labFile(): LabFile {
  const file = readLabFile(stateDir);
  assert.ok(file !== undefined);
  return file;
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
});

test("both gateways answer, each about its own datacenter", async () => {
  for (const { name, gatewayAddress } of lab.datacenters) {
    using api = new StoryApi(gatewayAddress, name);
    assert.match(await api.leader(), /^orchestrator-[123]$/);
    assert.match(await runAtoll(gatewayAddress, "dc", "list"), new RegExp(`^${name} `, "m"));
  }
});

test("each gateway is told where it reaches the other, and that is a link", async () => {
  const peers = lab.datacenters.map(
    (one) => one.process("gateway").spec.environment["ATOLL_PEERS"],
  );
  assert.deepEqual(peers, [
    `west=127.0.0.1:${lab.links.port("east", "west")}`,
    `east=127.0.0.1:${lab.links.port("west", "east")}`,
  ]);
  const west = `127.0.0.1:${lab.links.port("east", "west")}`;
  assert.match(await runAtoll(west, "dc", "list"), /^west /m);
  lab.links.cut("east", "west");
  await assert.rejects(
    runAtoll(west, "dc", "list", "--timeout", "500ms"),
    (error: { code?: number }) => error.code === 5,
  );
  // The datacenters themselves notice nothing.
  for (const { name, gatewayAddress } of lab.datacenters) {
    assert.match(await runAtoll(gatewayAddress, "dc", "list"), new RegExp(`^${name} `, "m"));
  }
  lab.links.heal("east", "west");
  assert.match(await runAtoll(west, "dc", "list"), /^west /m);
});
