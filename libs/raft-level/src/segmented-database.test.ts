/** Segments: records go from one to the next, come back from all, and go as whole files. */
import assert from "node:assert/strict";
import {
  mkdir,
  readdir,
  readFile,
  rename,
  rmdir,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { recordKey, recordRange, STATE_KEY } from "./keys.ts";
import { SegmentedDatabase } from "./segmented-database.ts";
import { temporaryFolder } from "./testing/harness.ts";

const RECORD_BYTES = 1000;

function open(folder: string): Promise<SegmentedDatabase> {
  return SegmentedDatabase.open(folder, { createIfMissing: true, segmentBytesMax: 10_400 });
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
  return (await readdir(folder)).filter((name) => name.startsWith("segment-")).toSorted();
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

test("compacted segments give their space, and nothing of what they held", async (context) => {
  const folder = await temporaryFolder(context);
  let database = await open(folder);
  await fill(database, 1, 45);
  for (let first = 46; first <= 400; first += 25) {
    await database.forgetRecords(first - 20);
    await fill(database, first, first + 24);
    const kept = await scanned(database);
    assert.deepEqual(kept.at(-1), (first + 24) % 256);
    await database.close();
    const spares = (await readdir(folder)).filter((name) => name.startsWith("spare-"));
    assert.ok(spares.length <= 2, `${spares.length} spares`);
    database = await open(folder);
    assert.deepEqual(await scanned(database), kept);
  }
  await database.close();
  const files = await readdir(folder);
  assert.ok(files.length < 12, files.join(" "));
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

test("open() tidies what a crash left of making a segment", async (context) => {
  const folder = await temporaryFolder(context);
  const database = await open(folder);
  await fill(database, 1, 25);
  await database.put(STATE_KEY, Uint8Array.of(1));
  await database.close();
  await writeFile(join(folder, "new-90"), "");
  const again = await open(folder);
  assert.deepEqual(await scanned(again), numbers(1, 25));
  assert.deepEqual([...((await again.get(STATE_KEY)) ?? [])], [1]);
  await again.close();
  assert.ok(!(await readdir(folder)).includes("new-90"));
});

test("open() refuses what looks unfinished and holds records", async (context) => {
  const folder = await temporaryFolder(context);
  const database = await open(folder);
  await fill(database, 1, 25);
  await database.close();
  await rename(join(folder, "segment-00000003.log"), join(folder, "new-3"));
  await assert.rejects(open(folder), { code: "LOG_DAMAGED", message: /new-3 holds records/ });
});

test("open() writes the last record once more, and makes no segment", async (context) => {
  const folder = await temporaryFolder(context);
  const database = await open(folder);
  assert.deepEqual(await segments(folder), []);
  await fill(database, 1, 12);
  await database.close();
  const changed = async (): Promise<bigint[]> => {
    const names = await segments(folder);
    const found = await Promise.all(
      names.map((name) => stat(join(folder, name), { bigint: true })),
    );
    return found.map(({ mtimeNs }) => mtimeNs);
  };
  const before = await changed();
  await (await open(folder)).close();
  const [first, second] = await changed();
  assert.equal(first, before[0]);
  assert.ok((second as bigint) > (before[1] as bigint), "the last one is confirmed");
});

test("put() fails where the disk refused the segment that was made ahead", async (context) => {
  const folder = await temporaryFolder(context);
  const database = await open(folder);
  await fill(database, 1, 2);
  await mkdir(join(folder, "new-2"));
  await fill(database, 3, 9);
  await rmdir(join(folder, "new-2"));
  await assert.rejects(fill(database, 10, 15), { code: "EISDIR" });
  assert.deepEqual(await segments(folder), ["segment-00000001.log"], "it is not tried again");
  await database.close();
});

test("open() refuses a segment without its header, or with that of another", async (context) => {
  const folder = await temporaryFolder(context);
  const database = await open(folder);
  await fill(database, 1, 25);
  await database.close();
  const [first, second] = ["segment-00000001.log", "segment-00000002.log"].map((name) =>
    join(folder, name),
  ) as [string, string];
  const whole = await readFile(second);
  await truncate(second, 40);
  const cutOff = { code: "LOG_DAMAGED", record: "segment 2", message: /cut off/ };
  await assert.rejects(open(folder), cutOff);
  await writeFile(second, Buffer.alloc(whole.length));
  await assert.rejects(open(folder), { code: "LOG_DAMAGED", message: /begin like a segment/ });
  await writeFile(second, whole);
  await rename(second, first);
  await assert.rejects(open(folder), { code: "LOG_DAMAGED", message: /segment 2 is in its place/ });
});
