/** Segments: records go from one to the next, come back from all, and go as whole folders. */
import assert from "node:assert/strict";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { recordKey, recordRange, STATE_KEY } from "./keys.ts";
import { SegmentedDatabase } from "./segmented-database.ts";
import { temporaryFolder } from "./testing/harness.ts";

const RECORD_BYTES = 1000;

function open(folder: string): Promise<SegmentedDatabase> {
  return SegmentedDatabase.open(folder, { createIfMissing: true, segmentBytesMax: 10_000 });
}

async function fill(database: SegmentedDatabase, from: number, to: number): Promise<void> {
  for (let sequence = from; sequence <= to; sequence += 1) {
    await database.put(recordKey(sequence), new Uint8Array(RECORD_BYTES).fill(sequence));
  }
}

async function scanned(database: SegmentedDatabase, from = 0): Promise<number[]> {
  const found: number[] = [];
  for await (const page of database.scan(recordRange(from), 3)) {
    for (const [, value] of page) found.push(value[0] as number);
  }
  return found;
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}

async function segments(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name !== "meta").toSorted();
}

test("put() goes on in the next segment; get() and scan() find all, also anew", async (context) => {
  const folder = await temporaryFolder(context);
  const database = await open(folder);
  await fill(database, 1, 45);
  assert.deepEqual(await scanned(database), numbers(1, 45));
  assert.equal((await database.get(recordKey(7)))?.[0], 7);
  assert.equal(await database.get(recordKey(46)), undefined);
  await database.close();
  const again = await open(folder);
  assert.deepEqual(await scanned(again, 20), numbers(20, 45));
  await fill(again, 46, 60);
  assert.deepEqual(await scanned(again), numbers(1, 60));
  await again.close();
});

test("forgetRecords() removes whole segments below and keeps the rest", async (context) => {
  const folder = await temporaryFolder(context);
  const database = await open(folder);
  await fill(database, 1, 45);
  const before = await segments(folder);
  await database.forgetRecords(25);
  assert.equal((await segments(folder)).length, before.length - 2);
  assert.deepEqual(await scanned(database), numbers(21, 45));
  await database.forgetRecords(1000);
  assert.deepEqual(await scanned(database), numbers(41, 45));
  await fill(database, 46, 47);
  await database.close();
  const again = await open(folder);
  assert.deepEqual(await scanned(again), numbers(41, 47));
  await again.close();
});

test("remove() takes records at the end, and they can be put again", async (context) => {
  const folder = await temporaryFolder(context);
  const database = await open(folder);
  await fill(database, 1, 25);
  await database.remove(recordRange(18));
  await fill(database, 18, 19);
  assert.deepEqual(await scanned(database), numbers(1, 19));
  await database.close();
});

test("open() tidies what a crash left of making and removing segments", async (context) => {
  const folder = await temporaryFolder(context);
  const database = await open(folder);
  await fill(database, 1, 25);
  await database.put(STATE_KEY, Uint8Array.of(1));
  await database.close();
  await mkdir(join(folder, "segment-00000090"));
  await writeFile(join(folder, "segment-00000090", "LOCK"), "");
  await mkdir(join(folder, "removed-00000000"));
  const again = await open(folder);
  assert.deepEqual(await scanned(again), numbers(1, 25));
  assert.deepEqual([...((await again.get(STATE_KEY)) ?? [])], [1]);
  await again.close();
  assert.deepEqual(
    (await segments(folder)).filter((name) => /90|removed/.test(name)),
    [],
  );
});

test("open() refuses a segment that lost its head file", async (context) => {
  const folder = await temporaryFolder(context);
  const database = await open(folder);
  await fill(database, 1, 25);
  await database.close();
  await rm(join(folder, "segment-00000002", "CURRENT"));
  await assert.rejects(open(folder), { code: "STORAGE_FAILED" });
});
