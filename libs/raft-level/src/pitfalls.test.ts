/**
 * The pitfalls that other systems fell into, as far as they concern a log on disk: one test each.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { LevelLogStore } from "./level-log-store.ts";
import {
  compact,
  entries,
  FOUNDING,
  IDENTITY,
  install,
  metadataOf,
  read,
  readWholeSnapshot,
  save,
  temporaryFolder,
  write,
} from "./testing/harness.ts";
import { MemoryDatabase } from "./testing/memory-database.ts";
import { openContent, openOn } from "./testing/points.ts";

test("pitfall: term and vote as two writes; here they are one", async (context) => {
  const folder = await temporaryFolder(context);
  const database = new MemoryDatabase();
  const { store } = await openOn(database, folder);
  const disks: ReadonlyMap<string, Uint8Array>[] = [];
  database.beforeWrite = (): undefined => void disks.push(new Map(database.pairs));
  const marker = readFileSync(join(folder, "durable-marker"));
  for (const [term, vote] of [
    [1, 2],
    [2, 3],
    [3, 1],
  ] as const) {
    await write(store, { hardState: { term, vote, commit: 0 } });
  }
  await store[Symbol.asyncDispose]();
  const votes: string[] = [];
  for (const pairs of [...disks, database.pairs]) {
    const { recovered } = await openContent(folder, { pairs, marker });
    votes.push(`${recovered.hardState.term}/${recovered.hardState.vote}`);
  }
  assert.deepEqual(votes, ["0/0", "1/2", "2/3", "3/1"]);
});

test("pitfall: a vote is answered before it is durable", async (context) => {
  const database = new MemoryDatabase();
  const { store } = await openOn(database, await temporaryFolder(context));
  let answered = false;
  const seen: (readonly [answered: boolean, records: number])[] = [];
  const look = (): void => {
    const records = [...database.pairs.keys()].filter((key) => key.startsWith("72"));
    seen.push([answered, records.length]);
  };
  database.beforeWrite = (): undefined => {
    look();
    return undefined;
  };
  await write(store, { hardState: { term: 4, vote: 1, commit: 0 } }).then(() => {
    answered = true;
  });
  look();
  assert.deepEqual(seen, [
    [false, 0],
    [true, 1],
  ]);
  await store[Symbol.asyncDispose]();
});

test("pitfall: a disk that lost what it confirmed votes again", async (context) => {
  const folder = await temporaryFolder(context);
  const database = new MemoryDatabase();
  const { store } = await openOn(database, folder);
  await write(store, { entries: entries(1, 2), hardState: { term: 1, vote: 2, commit: 0 } });
  const lost = new Map(database.pairs);
  await write(store, { entries: entries(3, 2) });
  await store[Symbol.asyncDispose]();
  const marker = readFileSync(join(folder, "durable-marker"));
  const damage = { code: "LOG_DAMAGED", record: "record 2" };
  await assert.rejects(openContent(folder, { pairs: lost, marker }), damage);
});

test("pitfall: a failed fsync is tried again and succeeds", async (context) => {
  const database = new MemoryDatabase();
  const { store } = await openOn(database, await temporaryFolder(context));
  let failures = 0;
  database.beforeWrite = (): undefined => {
    failures += 1;
    if (failures === 1) throw Object.assign(new Error("input/output error"), { code: "EIO" });
    return undefined;
  };
  const failed = { code: "STORAGE_FAILED" };
  await assert.rejects(write(store, { entries: entries(1, 1) }), failed);
  await assert.rejects(write(store, { entries: entries(1, 1) }), failed);
  await assert.rejects(read(store, 1, 1), failed);
  assert.equal(failures, 1, "the disk was asked once");
  await store[Symbol.asyncDispose]();
});

test("pitfall: corruption is taken for a torn tail; here the marker tells", async (context) => {
  const folder = await temporaryFolder(context);
  const database = new MemoryDatabase();
  const { store } = await openOn(database, folder);
  for (let index = 1; index <= 3; index += 1) await write(store, { entries: entries(index, 1) });
  const marker = readFileSync(join(folder, "durable-marker"));
  await store[Symbol.asyncDispose]();
  const final = readFileSync(join(folder, "durable-marker"));
  const key = [...database.pairs.keys()].findLast((each) => each.startsWith("72")) as string;
  const pairs = new Map(database.pairs).set(key, new Uint8Array(5));
  const torn = await openContent(folder, { pairs, marker });
  assert.deepEqual([torn.tornSequence, torn.recovered.last.index], [3, 2]);
  const damage = { code: "LOG_DAMAGED", record: "record 3" };
  await assert.rejects(openContent(folder, { pairs, marker: final }), damage);
});

test("pitfall: a log that was truncated shows its old end again", async (context) => {
  const folder = await temporaryFolder(context);
  const options = { folder, identity: IDENTITY, founding: FOUNDING };
  const first = await LevelLogStore.open(options);
  await write(first.store, {
    entries: entries(1, 9, 1),
    hardState: { term: 1, vote: 1, commit: 0 },
  });
  await write(first.store, {
    entries: entries(4, 2, 2),
    hardState: { term: 2, vote: 1, commit: 0 },
  });
  await first.store[Symbol.asyncDispose]();
  const second = await LevelLogStore.open(options);
  assert.deepEqual(second.recovered.last, { index: 5, term: 2 });
  await write(second.store, { entries: entries(6, 1, 2) });
  await second.store[Symbol.asyncDispose]();
  const third = await LevelLogStore.open(options);
  const terms = third.recovered.tail.map(({ index, term }) => `${index}/${term}`);
  assert.deepEqual(terms, ["1/1", "2/1", "3/1", "4/2", "5/2", "6/2"]);
  await third.store[Symbol.asyncDispose]();
});

test("pitfall: two snapshots in a short time; here the newest counts", async (context) => {
  const database = new MemoryDatabase();
  const { store } = await openOn(database, await temporaryFolder(context));
  await write(store, { entries: entries(1, 10), hardState: { term: 1, vote: 1, commit: 0 } });
  const [older, newer] = [Buffer.alloc(900_000, 1), Buffer.alloc(10, 2)];
  await Promise.all([
    save(store, metadataOf(8, 1, newer), [newer]),
    save(store, metadataOf(5, 1, older), [older]),
    compact(store, 10),
  ]);
  const bytes = await readWholeSnapshot(store, metadataOf(8, 1, newer), 1000);
  assert.deepEqual(bytes, newer);
  await store[Symbol.asyncDispose]();
});

test("pitfall: a snapshot of other bytes than its description", async (context) => {
  const database = new MemoryDatabase();
  const { store } = await openOn(database, await temporaryFolder(context));
  await write(store, { entries: entries(1, 3), hardState: { term: 1, vote: 1, commit: 0 } });
  const content = Buffer.from("a state");
  const wrong = [Buffer.from("another")];
  const hardState = { term: 2, vote: 0, commit: 0 };
  const mismatch = { code: "SNAPSHOT_MISMATCH" };
  await assert.rejects(save(store, metadataOf(2, 1, content), wrong), mismatch);
  await assert.rejects(install(store, metadataOf(9, 2, content), wrong, hardState), mismatch);
  assert.deepEqual(
    (await read(store, 1, 4)).entries.map(({ index }) => index),
    [1, 2, 3],
  );
  await store[Symbol.asyncDispose]();
});

test("pitfall: snapshot and log's begin as two records; here one", async (context) => {
  const folder = await temporaryFolder(context);
  const database = new MemoryDatabase();
  const { store } = await openOn(database, folder);
  await write(store, { entries: entries(1, 3), hardState: { term: 1, vote: 1, commit: 0 } });
  const marker = readFileSync(join(folder, "durable-marker"));
  const disks: ReadonlyMap<string, Uint8Array>[] = [];
  database.beforeWrite = (): undefined => void disks.push(new Map(database.pairs));
  const content = Buffer.alloc(2_000_000, 3);
  const hardState = { term: 2, vote: 0, commit: 0 };
  await install(store, metadataOf(40, 2, content), [content], hardState);
  await store[Symbol.asyncDispose]();
  const seen = new Set<string>();
  for (const pairs of [...disks, database.pairs]) {
    const { recovered } = await openContent(folder, { pairs, marker });
    seen.add(`${recovered.snapshot.index} ${recovered.last.index} ${recovered.hardState.term}`);
  }
  assert.deepEqual([...seen], ["0 3 1", "40 40 2"]);
});

test("pitfall: membership kept in two places; here in the log only", async (context) => {
  const folder = await temporaryFolder(context);
  const first = await LevelLogStore.open({ folder, identity: IDENTITY, founding: FOUNDING });
  const membership = { ...FOUNDING, voters: [2, 5, 7] };
  const metadata = { ...metadataOf(4, 1, new Uint8Array()), membership };
  await install(first.store, metadata, [], { term: 1, vote: 0, commit: 0 });
  await first.store[Symbol.asyncDispose]();
  const again = await LevelLogStore.open({ folder, identity: IDENTITY, founding: FOUNDING });
  await again.store[Symbol.asyncDispose]();
  assert.deepEqual(again.recovered.snapshot.membership.voters, [2, 5, 7]);
});

test("pitfall: a lost marker is made anew for a log in use", async (context) => {
  const folder = await temporaryFolder(context);
  const first = await LevelLogStore.open({ folder, identity: IDENTITY, founding: FOUNDING });
  await write(first.store, { hardState: { term: 1, vote: 2, commit: 0 } });
  await first.store[Symbol.asyncDispose]();
  await writeFile(join(folder, "durable-marker"), new Uint8Array(8192));
  const opening = LevelLogStore.open({ folder, identity: IDENTITY, founding: FOUNDING });
  await assert.rejects(opening, { code: "LOG_DAMAGED", record: "the marker" });
});
