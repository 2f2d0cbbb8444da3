/**
 * A disk that is full or read-only at opening is a failed disk, never a damaged log.
 *
 * Needs a small file system of its own, which only root may mount; skipped by name elsewhere.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { LevelLogStore } from "./level-log-store.ts";
import { entries, entry, FOUNDING, IDENTITY, temporaryFolder, write } from "./testing/harness.ts";

const CHUNK = Buffer.alloc(64 * 1024);

/** A disk of 24 MiB; undefined, and the test is skipped, where none can be mounted. */
async function smallDisk(context: TestContext): Promise<string | undefined> {
  const mounted: string[] = [];
  // Before the folder below it goes.
  context.after(() => {
    for (const each of mounted) spawnSync("umount", [each]);
  });
  const disk = join(await temporaryFolder(context), "disk");
  mkdirSync(disk);
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", disk]).status !== 0) {
    context.skip("a tmpfs can not be mounted here");
    return undefined;
  }
  mounted.push(disk);
  return disk;
}

async function openAt(folder: string): Promise<number> {
  const opened = await LevelLogStore.open({ folder, identity: IDENTITY, founding: FOUNDING });
  const { index } = opened.recovered.last;
  if (index === 0) await write(opened.store, { entries: entries(1, 5) });
  await opened.store[Symbol.asyncDispose]();
  return index;
}

function remount(disk: string, how: "ro" | "rw"): void {
  assert.equal(spawnSync("mount", ["-o", `remount,${how}`, disk]).status, 0);
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

test("open() on a read-only disk fails, and takes nothing for damage", async (context) => {
  const disk = await smallDisk(context);
  if (disk === undefined) return;
  const folder = join(disk, "raft");
  await openAt(folder);
  remount(disk, "ro");
  await assert.rejects(openAt(folder), { code: "STORAGE_FAILED" });
  remount(disk, "rw");
  assert.equal(await openAt(folder), 5);
});

test("open() on a full disk fails, and takes nothing for damage", async (context) => {
  const disk = await smallDisk(context);
  if (disk === undefined) return;
  const folder = join(disk, "raft");
  await openAt(folder);
  fill(join(disk, "filler"));
  const error = await openAt(folder).catch((caught: unknown) => caught);
  assert.ok(error instanceof Error && "code" in error);
  assert.equal(error.code, "STORAGE_FAILED");
  await assert.rejects(LevelLogStore.rebuild(rebuildOptions(folder), error), error);
  assert.deepEqual((await readdir(disk)).toSorted(), ["filler", "raft"], "nothing was put aside");
  await rm(join(disk, "filler"));
  assert.equal(await openAt(folder), 5);
});

test("a disk that fills up under the log ends it, and loses nothing", async (context) => {
  const disk = await smallDisk(context);
  if (disk === undefined) return;
  const folder = join(disk, "raft");
  const { store } = await LevelLogStore.open(rebuildOptions(folder));
  let acknowledged = 0;
  const append = (): Promise<void> =>
    write(store, { entries: [{ ...entry(acknowledged + 1, 1), data: randomBytes(CHUNK.length) }] });
  for (; acknowledged < 20; acknowledged += 1) await append();
  fill(join(disk, "filler"));
  await assert.rejects(async () => {
    for (; acknowledged < 500; acknowledged += 1) await append();
  }, /no space left on device|the disk took/);
  await assert.rejects(append(), { code: "STORAGE_FAILED" });
  await store[Symbol.asyncDispose]();
  assert.ok(acknowledged >= 20 && acknowledged < 500);
  await rm(join(disk, "filler"));
  assert.equal(await openAt(folder), acknowledged);
});

function rebuildOptions(folder: string): Parameters<typeof LevelLogStore.rebuild>[0] {
  return { folder, identity: IDENTITY, founding: FOUNDING };
}
