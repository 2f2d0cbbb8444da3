/** The store on real files: what the port promises, against an obvious model. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Prng } from "@atoll/stdx";
import type { Entry } from "raft-ts";
import { LevelLogStore, type OpenedStore } from "./level-log-store.ts";
import {
  compact,
  entries,
  entry,
  FOUNDING,
  FOUNDING_SNAPSHOT,
  IDENTITY,
  install,
  metadataOf,
  randomBytes,
  read,
  readWholeSnapshot,
  save,
  seedOf,
  temporaryFolder,
  write,
} from "./testing/harness.ts";
import { LogModel } from "./testing/log-model.ts";

function open(folder: string, tailBytesMax = 1024 * 1024): Promise<OpenedStore> {
  return LevelLogStore.open({ folder, identity: IDENTITY, founding: FOUNDING, tailBytesMax });
}

async function openFor(context: TestContext, folder: string): Promise<OpenedStore> {
  const opened = await open(folder);
  context.after(() => opened.store[Symbol.asyncDispose]());
  return opened;
}

test("open() founds an empty log with the first membership", async (context) => {
  const { recovered } = await openFor(context, await temporaryFolder(context));
  assert.deepEqual(recovered, {
    hardState: { term: 0, vote: 0, commit: 0 },
    snapshot: FOUNDING_SNAPSHOT,
    last: { index: 0, term: 0 },
    firstIndex: 1,
    tail: [],
    tailPrevious: { index: 0, term: 0 },
    standing: "whole",
  });
});

test("open() refuses the folder of another replica or group", async (context) => {
  const folder = await temporaryFolder(context);
  await (await open(folder)).store[Symbol.asyncDispose]();
  for (const identity of [
    { ...IDENTITY, replicaId: 3 },
    { ...IDENTITY, groupId: "dc2/orchestrator" },
  ]) {
    const opening = LevelLogStore.open({ folder, identity, founding: FOUNDING });
    await assert.rejects(opening, { code: "FOREIGN_LOG", retryable: false });
  }
  const { recovered } = await openFor(context, folder);
  assert.equal(recovered.last.index, 0);
});

test("open() refuses a folder that is open already", async (context) => {
  const folder = await temporaryFolder(context);
  await openFor(context, folder);
  await assert.rejects(open(folder), { code: "FOLDER_LOCKED", retryable: true });
});

test("write() takes waiting writes with the next fsync, in order", async (context) => {
  const { store } = await openFor(context, await temporaryFolder(context));
  const order: number[] = [];
  const writes = Array.from({ length: 200 }, (_, at) =>
    write(store, { entries: [entry(at + 1, 1)] }).then(() => order.push(at + 1)),
  );
  assert.equal(order.length, 0, "nothing completes before it was started");
  await Promise.all(writes);
  assert.deepEqual(
    order,
    Array.from({ length: 200 }, (_, at) => at + 1),
  );
  assert.deepEqual(
    { records: store.statistics.records, entries: store.statistics.entries },
    { records: 2, entries: 200 },
  );
});

test("write() keeps the hard state with and without entries", async (context) => {
  const folder = await temporaryFolder(context);
  const { store } = await open(folder);
  await write(store, { hardState: { term: 3, vote: 2, commit: 0 } });
  await write(store, { hardState: { term: 4, vote: 0, commit: 0 }, entries: entries(1, 2, 4) });
  await write(store, { entries: entries(3, 1, 4) });
  await write(store, { hardState: { term: 4, vote: 1, commit: 0 } });
  await store[Symbol.asyncDispose]();
  const { recovered } = await openFor(context, folder);
  assert.deepEqual(
    { hardState: recovered.hardState, last: recovered.last },
    { hardState: { term: 4, vote: 1, commit: 0 }, last: { index: 3, term: 4 } },
  );
});

test("readEntries() gives one entry or more and stops at maxBytes", async (context) => {
  const { store } = await openFor(context, await temporaryFolder(context));
  for (const first of [1, 11, 21]) await write(store, { entries: entries(first, 10) });
  const indexes = async (from: number, to: number, maxBytes?: number): Promise<number[]> =>
    (await read(store, from, to, maxBytes)).entries.map(({ index }) => index);
  assert.deepEqual(await indexes(9, 13), [9, 10, 11, 12]);
  assert.deepEqual(await indexes(9, 100, 1), [9]);
  assert.deepEqual(await indexes(29, 100, 1000), [29, 30]);
  assert.deepEqual(await indexes(31, 31), []);
  assert.deepEqual((await read(store, 31, 99)).previous, { index: 30, term: 1 });
});

test("compact() drops whole records behind the snapshot and reads there fail", async (context) => {
  const folder = await temporaryFolder(context);
  const { store } = await open(folder);
  for (const first of [1, 11, 21]) await write(store, { entries: entries(first, 10, first) });
  const content = Buffer.from("state at 15");
  await save(store, metadataOf(15, 11, content), [content]);
  await compact(store, 30);
  await assert.rejects(read(store, 10, 12), { code: "COMPACTED" });
  assert.equal((await read(store, 11, 31)).entries.length, 20);
  await store[Symbol.asyncDispose]();
  const again = await open(folder);
  assert.equal(again.recovered.firstIndex, 11);
  assert.deepEqual((await read(again.store, 11, 12)).previous, { index: 10, term: 1 });
  const later = Buffer.from("state at 30");
  await save(again.store, metadataOf(30, 21, later), [later]);
  await compact(again.store, 30);
  await again.store[Symbol.asyncDispose]();
  const { recovered, store: third } = await openFor(context, folder);
  assert.deepEqual(
    { first: recovered.firstIndex, last: recovered.last, tail: recovered.tail },
    { first: 31, last: { index: 30, term: 21 }, tail: [] },
  );
  await write(third, { entries: entries(31, 1, 22) });
  assert.deepEqual((await read(third, 31, 32)).previous, { index: 30, term: 21 });
});

test("readSnapshot() gives the bytes in any pieces, also after opening anew", async (context) => {
  const folder = await temporaryFolder(context);
  const prng = new Prng(7);
  const content = randomBytes(prng, 900_000);
  const { store } = await open(folder);
  await write(store, { entries: entries(1, 5) });
  const parts = [
    content.subarray(0, 10),
    content.subarray(10, 600_000),
    content.subarray(600_000, 600_000),
    content.subarray(600_000),
  ];
  await save(store, metadataOf(5, 1, content), parts);
  await store[Symbol.asyncDispose]();
  const { store: again, recovered } = await openFor(context, folder);
  for (const maxBytes of [1_000_000, 262_144, 100_001]) {
    const bytes = await readWholeSnapshot(again, recovered.snapshot, maxBytes);
    assert.ok(bytes.equals(content), `in pieces of ${maxBytes}`);
  }
  const gone = readWholeSnapshot(again, { ...recovered.snapshot, index: 4 }, 100);
  await assert.rejects(gone, { code: "COMPACTED" });
});

test("a snapshot whose bytes do not fit changes nothing", async (context) => {
  const { store } = await openFor(context, await temporaryFolder(context));
  await write(store, { entries: entries(1, 5) });
  const content = Buffer.from("right");
  const metadata = metadataOf(5, 1, content);
  await assert.rejects(save(store, metadata, [Buffer.from("wrong")]), {
    code: "SNAPSHOT_MISMATCH",
  });
  const hardState = { term: 9, vote: 0, commit: 0 };
  await assert.rejects(install(store, { ...metadata, index: 50 }, [], hardState), {
    code: "SNAPSHOT_MISMATCH",
  });
  await save(store, metadata, [content]);
  assert.equal((await readWholeSnapshot(store, metadata, 100)).toString(), "right");
});

test("installSnapshot() replaces the log in order with other writes", async (context) => {
  const folder = await temporaryFolder(context);
  const { store } = await open(folder);
  const content = randomBytes(new Prng(3), 300_000);
  const metadata = metadataOf(100, 7, content);
  const done = [
    write(store, { entries: entries(1, 5), hardState: { term: 2, vote: 1, commit: 0 } }),
    install(store, metadata, [content], { term: 8, vote: 0, commit: 0 }),
    write(store, { entries: entries(101, 3, 8) }),
  ];
  await Promise.all(done);
  await assert.rejects(read(store, 5, 6), { code: "COMPACTED" });
  await store[Symbol.asyncDispose]();
  const { recovered, store: again } = await openFor(context, folder);
  assert.deepEqual(
    [recovered.snapshot, recovered.firstIndex, recovered.last, recovered.hardState],
    [metadata, 101, { index: 103, term: 8 }, { term: 8, vote: 0, commit: 0 }],
  );
  assert.ok((await readWholeSnapshot(again, metadata, 65_536)).equals(content));
});

test("recovered.tail holds the newest entries within its bound", async (context) => {
  const folder = await temporaryFolder(context);
  const { store } = await open(folder);
  for (let index = 1; index <= 40; index += 1) {
    await write(store, { entries: [entry(index, index, "0123456789")] });
  }
  await write(store, { entries: [entry(39, 50, "0123456789"), entry(40, 50, "0123456789")] });
  await store[Symbol.asyncDispose]();
  const { store: again, recovered } = await open(folder, 55);
  await again[Symbol.asyncDispose]();
  assert.deepEqual(
    recovered.tail.map(({ index, term }) => [index, term]),
    [
      [36, 36],
      [37, 37],
      [38, 38],
      [39, 50],
      [40, 50],
    ],
  );
  assert.deepEqual(recovered.tailPrevious, { index: 35, term: 35 });
});

test("a closed store fails every call", async (context) => {
  const { store } = await open(await temporaryFolder(context));
  const last = write(store, { entries: entries(1, 3) });
  await store[Symbol.asyncDispose]();
  await last;
  const closed = { code: "STORE_CLOSED" };
  await assert.rejects(write(store, { entries: entries(4, 1) }), closed);
  await assert.rejects(read(store, 1, 2), closed);
  await assert.rejects(compact(store, 1), closed);
  await assert.rejects(save(store, metadataOf(1, 1, new Uint8Array()), []), closed);
});

/**
 * One run of random calls, several under way at once, with restarts; the model takes the same
 * calls.
 */
async function randomRun(prng: Prng, folder: string): Promise<void> {
  const model = new LogModel(FOUNDING_SNAPSHOT);
  let { store } = await open(folder);
  for (let restart = 0; restart < 4; restart += 1) {
    let pending: Promise<unknown>[] = [];
    for (let step = 0; step < 25; step += 1) {
      pending.push(randomCall(prng, store, model));
      if (!prng.chance(1, 4)) continue;
      await Promise.all(pending);
      pending = [];
      await compareRead(prng, store, model);
    }
    await Promise.all(pending);
    await store[Symbol.asyncDispose]();
    const opened = await open(folder, prng.below(2000));
    store = opened.store;
    assert.equal(model.difference(opened.recovered), undefined);
    const bytes = await readWholeSnapshot(store, model.snapshot, 1 + prng.below(10_000));
    assert.ok(bytes.equals(model.content), "the snapshot's bytes");
  }
  await store[Symbol.asyncDispose]();
}

function randomCall(prng: Prng, store: LevelLogStore, model: LogModel): Promise<void> {
  const term = Math.max(model.hardState.term, model.last.term) + prng.below(2);
  const choice = prng.below(20);
  if (choice === 0) {
    const content = randomBytes(prng, prng.below(20_000));
    const metadata = metadataOf(model.last.index + prng.below(10), term, content);
    model.install(metadata, content, { term, vote: 0, commit: 0 });
    return install(store, metadata, [content], { term, vote: 0, commit: 0 });
  }
  if (choice === 1 && model.last.index > model.snapshot.index) {
    const index = prng.between(model.snapshot.index + 1, model.last.index);
    const content = randomBytes(prng, prng.below(20_000));
    const metadata = metadataOf(index, model.positionAt(index).term, content);
    model.saveSnapshot(metadata, content);
    return save(store, metadata, [content]);
  }
  if (choice <= 3) {
    const through = prng.below(model.last.index + 2);
    model.compact(through);
    return compact(store, through);
  }
  const what = randomWrite(prng, model, term);
  model.write(what);
  return write(store, what);
}

function randomWrite(
  prng: Prng,
  model: LogModel,
  term: number,
): { entries: Entry[]; hardState?: { term: number; vote: number; commit: number } } {
  const lowest = Math.max(model.snapshot.index, model.begin.index) + 1;
  const append = prng.chance(3, 4);
  const first = append ? model.last.index + 1 : prng.between(lowest, model.last.index + 1);
  const added = Array.from({ length: prng.below(12) }, (_, at) => ({
    index: first + at,
    term,
    type: prng.pick(["data", "noop", "membership"] as const),
    data: randomBytes(prng, prng.below(100)),
  }));
  return prng.chance(1, 3)
    ? { entries: added, hardState: { term, vote: prng.below(4), commit: 0 } }
    : { entries: added };
}

async function compareRead(prng: Prng, store: LevelLogStore, model: LogModel): Promise<void> {
  const lowest = Math.max(model.compactedThrough, model.begin.index) + 1;
  if (lowest > model.last.index + 1) return;
  const from = prng.between(lowest, model.last.index + 1);
  const to = from + prng.below(30);
  const { previous, entries: found } = await read(store, from, to);
  assert.deepEqual(previous, model.positionAt(from - 1));
  assert.deepEqual(found, model.between(from, to));
}

test("random calls and restarts leave what the model holds", async (context) => {
  const seed = seedOf(context);
  const parent = await temporaryFolder(context);
  for (let round = 0; round < 12; round += 1) {
    const folder = await mkdtemp(join(parent, "run-"));
    await randomRun(new Prng(seed).child(`run ${round}`), folder);
    await rm(folder, { recursive: true });
  }
});
