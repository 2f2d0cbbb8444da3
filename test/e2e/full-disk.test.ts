/**
 * A replica whose disk is full ends and says so; the others go on; with room again it catches up.
 *
 * Needs a small file system of its own, which only root may mount; skipped by name elsewhere.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startLab, type Lab } from "@atoll/lab";
import { NodeState } from "@atoll/proto/atoll/v1/node";
import { StoryApi } from "../story/api.ts";
import { untilState } from "../story/cast.ts";
import { timeUntil } from "../story/measure.ts";
import { enterOwnMounts } from "../support/own-mounts.ts";
import { WriteLoad } from "./write-load.ts";

enterOwnMounts(import.meta.filename);

const READY_MS = 30_000;
const DISK = "size=24m";
const CHUNK = Buffer.alloc(64 * 1024);
const REASON_LENGTH = 490;

function mounted(folder: string): boolean {
  mkdirSync(folder, { recursive: true });
  return spawnSync("mount", ["-t", "tmpfs", "-o", DISK, "tmpfs", folder]).status === 0;
}

/** Takes every byte that is left. */
function fill(path: string): void {
  for (let size = CHUNK.length; size >= 1; size = Math.floor(size / 4)) {
    try {
      for (;;) writeFileSync(path, CHUNK.subarray(0, size), { flag: "a" });
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
    }
  }
}

/** Makes the log grow: one more lab agent is one more node with all of its facts. */
async function workOn(lab: Lab, api: StoryApi, name: string): Promise<void> {
  await lab.addAgent({ name });
  await untilState(api, name, NodeState.NODE_STATE_DISCOVERED, READY_MS);
}

test("a replica with a full disk ends, says so, and catches up later", async (context) => {
  const stateDir = await mkdtemp(join(tmpdir(), "atoll-e2e-disk-"));
  const folder = join(stateDir, "orchestrator-3");
  if (!mounted(folder)) {
    context.skip("a tmpfs can not be mounted here");
    return;
  }
  try {
    const lab = await startLab({
      stateDir,
      portBase: 0,
      agents: 1,
      machine: false,
      restart: false,
    });
    try {
      using api = new StoryApi(lab.gatewayAddress);
      await untilState(api, "n1", NodeState.NODE_STATE_DISCOVERED, READY_MS);
      fill(join(folder, "filler"));
      // The log's file has room for some; these need more.
      await using load = new WriteLoad(api, "n1", REASON_LENGTH);
      const replica = lab.process("orchestrator-3");
      await timeUntil("the replica has ended", READY_MS, () =>
        Promise.resolve(replica.state === "stopped" || replica.state === "waiting"),
      );
      await load.stop();
      assert.deepEqual(load.failures, []);
      const log = await readFile(replica.spec.logFile, "utf8");
      assert.match(log, /STORAGE_FAILED/);
      assert.match(log, /space|ENOSPC/i);
      await workOn(lab, api, "n8");
      await rm(join(folder, "filler"));
      await lab.start("orchestrator-3");
      await timeUntil("the replica has caught up", READY_MS, async () => {
        const { replicas } = await api.dc();
        const applied = replicas.map(({ appliedIndex }) => appliedIndex);
        return replicas.every(({ reachable }) => reachable) && new Set(applied).size === 1;
      });
      assert.equal((await api.nodes()).length, 2);
    } finally {
      await lab.stop();
    }
  } finally {
    spawnSync("umount", [folder]);
    await rm(stateDir, { recursive: true, force: true });
  }
});
