/**
 * Every kind of damage at every place of a small log: each is refused by name, none goes unseen.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { recordKey, STATE_KEY } from "./keys.ts";
import { LevelLogStore } from "./level-log-store.ts";
import { segmentName } from "./log-folder.ts";
import { SEGMENT_HEADER_BYTES } from "./segment-frame.ts";
import {
  compact,
  entries,
  FOUNDING,
  FOUNDING_SNAPSHOT,
  IDENTITY,
  metadataOf,
  save,
  temporaryFolder,
  write,
} from "./testing/harness.ts";
import { LogModel } from "./testing/log-model.ts";
import { MemoryDatabase } from "./testing/memory-database.ts";
import { type DiskContent, openContent, openOn } from "./testing/points.ts";

const RECORDS = 5;

interface SmallLog {
  readonly content: DiskContent;
  readonly model: LogModel;
  /** The disk before the last change of each kind, to be brought back as stale. */
  readonly earlier: readonly DiskContent[];
}

/** A closed log of five records and a snapshot whose first record is compacted. */
async function smallLog(context: TestContext): Promise<SmallLog> {
  const folder = await temporaryFolder(context);
  const database = new MemoryDatabase();
  const { store } = await openOn(database, folder);
  const model = new LogModel(FOUNDING_SNAPSHOT);
  const earlier: DiskContent[] = [];
  const look = (): DiskContent => {
    const marker = readFileSync(join(folder, "durable-marker"));
    return { pairs: new Map(database.pairs), marker };
  };
  for (let term = 1; term <= RECORDS; term += 1) {
    const hardState = { term, vote: 2, commit: 0 };
    const what = { hardState, entries: entries(2 * term - 1, 2, term) };
    await write(store, what);
    model.write(what);
    earlier.push(look());
    if (term !== 2) continue;
    const bytes = Buffer.from("the state after entry 3");
    await save(store, metadataOf(3, 2, bytes), [bytes]);
    model.saveSnapshot(metadataOf(3, 2, bytes), bytes);
    await compact(store, 2);
    model.compact(2);
  }
  await store[Symbol.asyncDispose]();
  return { content: look(), model, earlier };
}

function hexKey(sequence: number): string {
  return Buffer.from(recordKey(sequence)).toString("hex");
}

async function assertRefused(folder: string, content: DiskContent, what: string): Promise<void> {
  await assert.rejects(
    openContent(folder, content),
    (error: { readonly code?: unknown; readonly record?: unknown }) => {
      const named = typeof error.record === "string" && error.record !== "";
      assert.ok(error.code === "LOG_DAMAGED" && named, `${what}: ${String(error)}`);
      return true;
    },
    what,
  );
}

test("a bit that flips in any byte of the database is refused", async (context) => {
  const { content } = await smallLog(context);
  const folder = await temporaryFolder(context);
  let flips = 0;
  for (const [key, value] of content.pairs) {
    for (let at = 0; at < value.length; at += 1) {
      const bad = Uint8Array.from(value);
      bad[at] = (bad[at] as number) ^ (1 << (at % 8));
      const pairs = new Map(content.pairs).set(key, bad);
      await assertRefused(folder, { ...content, pairs }, `byte ${at} of ${key}`);
      flips += 1;
    }
  }
  context.diagnostic(`${flips} flips`);
  assert.ok(flips > 700);
});

test("a bit that flips in any byte of the marker is refused or harmless", async (context) => {
  const { content, model } = await smallLog(context);
  const folder = await temporaryFolder(context);
  for (const slot of [0, 4096]) {
    for (let at = slot; at < slot + 64; at += 1) {
      const marker = Uint8Array.from(content.marker);
      marker[at] = (marker[at] as number) ^ (1 << (at % 8));
      // The other slot is one write older, which is only less strict.
      const { recovered } = await openContent(folder, { ...content, marker });
      assert.equal(model.difference(recovered), undefined, `byte ${at}`);
    }
  }
  const none = new Uint8Array(content.marker.length);
  await assertRefused(folder, { ...content, marker: none }, "both slots");
});

test("a value that is cut at any third length is refused", async (context) => {
  const { content } = await smallLog(context);
  const folder = await temporaryFolder(context);
  for (const [key, value] of content.pairs) {
    for (let length = 0; length < value.length; length += 3) {
      const pairs = new Map(content.pairs).set(key, value.subarray(0, length));
      await assertRefused(folder, { ...content, pairs }, `${key} cut to ${length}`);
    }
  }
});

test("any key that is gone is refused", async (context) => {
  const { content } = await smallLog(context);
  const folder = await temporaryFolder(context);
  for (const key of content.pairs.keys()) {
    const pairs = new Map(content.pairs);
    pairs.delete(key);
    await assertRefused(folder, { ...content, pairs }, `${key} removed`);
  }
});

test("any value in the place of any other is refused", async (context) => {
  const { content } = await smallLog(context);
  const folder = await temporaryFolder(context);
  for (const one of content.pairs.keys()) {
    for (const [other, value] of content.pairs) {
      if (one === other) continue;
      const pairs = new Map(content.pairs).set(one, value);
      await assertRefused(folder, { ...content, pairs }, `${other} in the place of ${one}`);
    }
  }
});

test("any earlier state of the database is refused", async (context) => {
  const { content, earlier } = await smallLog(context);
  const folder = await temporaryFolder(context);
  for (const [at, { pairs }] of earlier.slice(0, -1).entries()) {
    await assertRefused(folder, { ...content, pairs }, `as after record ${at + 1}`);
  }
});

test("an earlier state record alone is refused", async (context) => {
  const { content, earlier } = await smallLog(context);
  const folder = await temporaryFolder(context);
  const key = Buffer.from(STATE_KEY).toString("hex");
  const stale = (earlier[0] as DiskContent).pairs.get(key) as Uint8Array;
  // The records it would begin with are there again as well.
  const pairs = new Map([...(earlier[2] as DiskContent).pairs, ...content.pairs]).set(key, stale);
  const first = (earlier[0] as DiskContent).pairs.get(hexKey(1)) as Uint8Array;
  await assertRefused(folder, { ...content, pairs: pairs.set(hexKey(1), first) }, "the state");
});

test("a record of another log under the same identity is refused", async (context) => {
  const { content } = await smallLog(context);
  const other = await smallLogOfOtherEntries(context);
  const folder = await temporaryFolder(context);
  for (let sequence = 2; sequence <= RECORDS; sequence += 1) {
    const stale = other.get(hexKey(sequence)) as Uint8Array;
    const pairs = new Map(content.pairs).set(hexKey(sequence), stale);
    await assertRefused(folder, { ...content, pairs }, `record ${sequence}`);
  }
});

async function smallLogOfOtherEntries(
  context: TestContext,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const database = new MemoryDatabase();
  const { store } = await openOn(database, await temporaryFolder(context));
  for (let term = 1; term <= RECORDS; term += 1) {
    const hardState = { term, vote: 3, commit: 0 };
    await write(store, { hardState, entries: entries(2 * term - 1, 2, term) });
  }
  await store[Symbol.asyncDispose]();
  return database.pairs;
}

test("a segment cut anywhere never shows a hole", async (context) => {
  const origin = await temporaryFolder(context);
  const models = [new LogModel(FOUNDING_SNAPSHOT)];
  const options = { identity: IDENTITY, founding: FOUNDING };
  const { store } = await LevelLogStore.open({ folder: origin, ...options });
  const begin = await readFile(join(origin, "durable-marker"));
  for (let term = 1; term <= RECORDS; term += 1) {
    const model = (models.at(-1) as LogModel).copy();
    const what = { hardState: { term, vote: 1, commit: 0 }, entries: entries(term, 1, term) };
    await write(store, what);
    model.write(what);
    models.push(model);
  }
  await store[Symbol.asyncDispose]();
  const path = segmentName(1);
  const file = await readFile(join(origin, path));
  // Behind the records there are zeros, which nobody misses.
  const whole = file.subarray(0, file.findLastIndex((byte) => byte !== 0) + 1);
  const seen = new Set<number>();
  for (let length = whole.length; length >= SEGMENT_HEADER_BYTES; length -= 9) {
    const folder = join(await temporaryFolder(context), "raft");
    await cp(origin, folder, { recursive: true });
    await writeFile(join(folder, path), whole.subarray(0, length));
    // With a marker that vouches for it the loss is damage; with an older one it is a torn end.
    if (length < whole.length) {
      await assert.rejects(LevelLogStore.open({ folder, ...options }), { code: "LOG_DAMAGED" });
    }
    await writeFile(join(folder, "durable-marker"), begin);
    const opened = await LevelLogStore.open({ folder, ...options });
    await opened.store[Symbol.asyncDispose]();
    const at = opened.recovered.last.index;
    assert.equal((models[at] as LogModel).difference(opened.recovered), undefined, `at ${length}`);
    seen.add(at);
  }
  assert.deepEqual([...seen].toSorted(), [0, 1, 2, 3, 4, 5]);
});
