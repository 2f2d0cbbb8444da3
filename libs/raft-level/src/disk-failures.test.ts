/**
 * A disk that is full or read-only, at opening or later, and one that cannot be read: a failed
 * disk, never a damaged log.
 *
 * Most need a small file system of their own, which only root may mount; skipped by name elsewhere.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { type FileHandle, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { StorageFailedError } from "./errors.ts";
import { recordKey } from "./keys.ts";
import { LevelLogStore } from "./level-log-store.ts";
import { salvageLog } from "./salvage-log.ts";
import { SegmentedDatabase } from "./segmented-database.ts";
import {
  compact,
  entries,
  entry,
  FOUNDING,
  IDENTITY,
  metadataOf,
  read,
  save,
  temporaryFolder,
  write,
} from "./testing/harness.ts";
import { enterOwnMounts } from "./testing/own-mounts.ts";

enterOwnMounts(import.meta.filename);

const CHUNK = Buffer.alloc(64 * 1024);
const PAGE_BYTES = 4096;
const ROOM_MS_MAX = 10_000;

/** A disk of 24 MiB; undefined, and the test is skipped, where none can be mounted. */
async function smallDisk(context: TestContext): Promise<string | undefined> {
  const disk = await mountPoint(context);
  if (mount("-t", "tmpfs", "-o", "size=24m", "tmpfs", disk)) return disk;
  context.skip("a tmpfs can not be mounted here");
  return undefined;
}

interface BreakableDisk {
  readonly folder: string;
  /** Makes it read-only under whatever has files open, as a kernel does that found an error. */
  readonly abort: () => void;
  readonly mountAgain: () => void;
}

/**
 * A disk in a file, of the one file system that can be told to break: a tmpfs refuses to become
 * read-only while a file is open for writing. Undefined as above.
 */
async function breakableDisk(context: TestContext): Promise<BreakableDisk | undefined> {
  const folder = await mountPoint(context);
  const image = `${folder}.image`;
  writeFileSync(image, "");
  truncateSync(image, 24 * 1024 * 1024);
  const mountImage = (): boolean => mount("-t", "ext4", "-o", "loop", image, folder);
  if (spawnSync("mkfs.ext4", ["-q", image]).status !== 0 || !mountImage()) {
    context.skip("an ext4 can not be mounted here");
    return undefined;
  }
  return {
    folder,
    abort: () => assert.ok(mount("-o", "remount,abort", folder)),
    mountAgain: () => {
      assert.equal(spawnSync("umount", [folder]).status, 0);
      assert.ok(mountImage());
    },
  };
}

/** An empty folder; what is mounted there goes before it. */
async function mountPoint(context: TestContext): Promise<string> {
  const points: string[] = [];
  context.after(() => {
    for (const each of points) spawnSync("umount", [each]);
  });
  const point = join(await temporaryFolder(context), "disk");
  mkdirSync(point);
  points.push(point);
  return point;
}

function mount(...words: readonly string[]): boolean {
  return spawnSync("mount", words).status === 0;
}

async function openAt(folder: string): Promise<number> {
  const opened = await LevelLogStore.open({ folder, identity: IDENTITY, founding: FOUNDING });
  const { index } = opened.recovered.last;
  if (index === 0) await write(opened.store, { entries: entries(1, 5) });
  await opened.store[Symbol.asyncDispose]();
  return index;
}

function remount(disk: string, how: "ro" | "rw"): void {
  assert.ok(mount("-o", `remount,${how}`, disk));
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
  }, /no space left on device/);
  await assert.rejects(append(), { code: "STORAGE_FAILED" });
  await store[Symbol.asyncDispose]();
  assert.ok(acknowledged >= 20 && acknowledged < 500);
  await rm(join(disk, "filler"));
  assert.equal(await openAt(folder), acknowledged);
});

test("a log is not lost because the disk has no room to read it", async (context) => {
  const disk = await smallDisk(context);
  if (disk === undefined) return;
  const folder = join(disk, "raft");
  await openAt(folder);
  // LevelDB writes its own log into a table when it opens, and that is large.
  const { store } = await LevelLogStore.open(rebuildOptions(folder));
  const content = randomBytes(200_000);
  await save(store, metadataOf(1, 1, content), [content]);
  await store[Symbol.asyncDispose]();
  const filler = join(disk, "filler");
  fill(filler);
  const words = new Set<string>();
  for (;;) {
    const error = await salvageError(folder);
    if (error === undefined) break;
    assert.ok(error instanceof StorageFailedError, error.message);
    words.add(error.message.startsWith("cannot open") ? "LevelDB" : "copy");
    const { size } = statSync(filler);
    assert.ok(size > 0);
    truncateSync(filler, Math.max(0, size - PAGE_BYTES));
  }
  assert.deepEqual([...words], ["copy", "LevelDB"], "the room ends in each of them");
  assert.deepEqual(readdirSync(disk).toSorted(), ["filler", "raft"]);
});

/** Why a log that is whole is not salvaged; undefined when it is. */
async function salvageError(folder: string): Promise<Error | undefined> {
  try {
    const salvage = await salvageLog(folder, IDENTITY);
    if (salvage.type === "lost") return new Error(`it counts as lost: ${salvage.reason}`);
    await salvage.log[Symbol.asyncDispose]();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

test("a segment for which there was no room is made once there is some", async (context) => {
  const disk = await smallDisk(context);
  if (disk === undefined) return;
  const folder = join(disk, "raft");
  mkdirSync(folder);
  const options = { createIfMissing: true, segmentBytesMax: 10_400 };
  const database = await SegmentedDatabase.open(folder, options);
  const put = async (from: number, to: number): Promise<void> => {
    for (let at = from; at <= to; at += 1) await database.put(recordKey(at), Buffer.alloc(1_000));
  };
  await put(1, 1);
  // This segment has room for its records by now.
  const segment = join(folder, "segment-00000001.log");
  const deadlineMs = performance.now() + ROOM_MS_MAX;
  while (statSync(segment).size < 2 * CHUNK.length) {
    assert.ok(performance.now() < deadlineMs, "zeros are written in time");
    await setImmediate();
  }
  fill(join(disk, "filler"));
  await put(2, 10);
  await assert.rejects(put(11, 11), { code: "ENOSPC" });
  rmSync(join(disk, "filler"));
  await put(11, 20);
  await database.close();
  const again = await SegmentedDatabase.open(folder, options);
  for (const at of [1, 10, 11, 20]) assert.equal((await again.get(recordKey(at)))?.length, 1_000);
  await again.close();
});

test("a disk that becomes read-only under the log ends it, and loses nothing", async (context) => {
  const disk = await breakableDisk(context);
  if (disk === undefined) return;
  const folder = join(disk.folder, "raft");
  const { store } = await LevelLogStore.open(rebuildOptions(folder));
  await write(store, { entries: entries(1, 5) });
  disk.abort();
  const failed = await write(store, { entries: entries(6, 1) }).catch((caught: unknown) => caught);
  assert.ok(failed instanceof StorageFailedError);
  // Which of the two depends on how far the kernel had come with what was under way.
  assert.match(String((failed.cause as NodeJS.ErrnoException).code), /^(EROFS|EIO)$/);
  await assertDead(store);
  await store[Symbol.asyncDispose]();
  disk.mountAgain();
  assert.equal(await openAt(folder), 5);
});

test("a read that the disk fails ends the log, and it is no damage", async (context) => {
  const folder = join(await temporaryFolder(context), "raft");
  const { store } = await LevelLogStore.open(rebuildOptions(folder));
  await write(store, { entries: entries(1, 5) });
  const reads = context.mock.method(await fileHandles(folder), "read", () =>
    Promise.reject(Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" })),
  );
  const failed = await read(store, 1, 3).catch((caught: unknown) => caught);
  assert.ok(failed instanceof StorageFailedError);
  assert.equal((failed.cause as NodeJS.ErrnoException).code, "EIO");
  assert.equal(reads.mock.callCount(), 1, "it is not tried again");
  reads.mock.restore();
  await assertDead(store);
  await store[Symbol.asyncDispose]();
  await assert.rejects(LevelLogStore.rebuild(rebuildOptions(folder), failed), failed);
  assert.equal(await openAt(folder), 5);
});

/** Nothing is served any more, whatever the disk does now. */
async function assertDead(store: LevelLogStore): Promise<void> {
  for (const outcome of [
    write(store, { entries: entries(6, 1) }),
    write(store, { hardState: { term: 9, vote: 1, commit: 0 } }),
    read(store, 1, 2),
    save(store, metadataOf(1, 1, Buffer.alloc(0)), []),
    compact(store, 1),
  ]) {
    await assert.rejects(outcome, { code: "STORAGE_FAILED" });
  }
}

/** What all open files share. */
async function fileHandles(folder: string): Promise<FileHandle> {
  await using file = await open(folder);
  return Object.getPrototypeOf(file) as FileHandle;
}

function rebuildOptions(folder: string): Parameters<typeof LevelLogStore.rebuild>[0] {
  return { folder, identity: IDENTITY, founding: FOUNDING };
}
