/**
 * A damaged log whose end is certain is salvaged, with its folder as it was; any other is not.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Prng } from "@atoll/stdx";
import type { Entry } from "raft-ts";
import { distrustLog } from "./distrust.ts";
import { identityDigest } from "./identity.ts";
import { chunkKey, STATE_KEY } from "./keys.ts";
import { LevelDatabase } from "./level-database.ts";
import { LevelLogStore } from "./level-log-store.ts";
import { MARKER_FILE } from "./log-folder.ts";
import { encodeRecord, recordBytes } from "./record.ts";
import { salvageLog } from "./salvage-log.ts";
import type { SalvagedLog } from "./salvaged-log.ts";
import { decodeState, encodeState } from "./store-state.ts";
import { damageOf, fillFrom, folderOf, openIn, salvaged } from "./testing/damaged-folder.ts";
import { entries, FOUNDING, IDENTITY, metadataOf, save, seedOf, write } from "./testing/harness.ts";
import { randomHistory } from "./testing/log-history.ts";
import { changeRecords, flipBit, flipFrameBit, type Records } from "./testing/segment-change.ts";

/** A history whose step `at` appends two entries, and all before is committed. */
function steady(steps: number): ReturnType<typeof randomHistory> {
  return Array.from({ length: steps }, (_, at) => {
    const log = entries(1, 2 * at + 2);
    return { entries: log.slice(-2), hardState: { term: 1, vote: 2, commit: 2 * at }, log };
  });
}

const OPTIONS = { identity: IDENTITY, founding: FOUNDING };

async function contentOf(folder: string): Promise<Map<string, string>> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((each) => each.isFile());
  return new Map(
    files.map((each) => {
      const path = join(each.parentPath, each.name);
      return [path, readFileSync(path).toString("base64")];
    }),
  );
}

async function allOf(log: SalvagedLog): Promise<Entry[]> {
  const all: Entry[] = [];
  for await (const each of log.entries()) all.push(each);
  return plain(all);
}

function plain(list: readonly Entry[]): Entry[] {
  return list.map((entry) => ({ ...entry, data: Uint8Array.from(entry.data) }));
}

test("salvageLog() gives what is left of any log that lost records", async (context) => {
  const prng = new Prng(seedOf(context));
  for (let round = 0; round < 12; round += 1) {
    const { folder, model } = await folderOf(context, randomHistory(prng, 30));
    await changeRecords(folder, (records) => {
      const last = records.size;
      const struck = new Set<number>();
      for (let count = prng.between(1, 3); count > 0; count -= 1) {
        struck.add(prng.between(1, last - 1));
      }
      for (const sequence of struck) {
        if (prng.chance(1, 2)) records.delete(sequence);
        else flipBit(records, sequence, 50);
      }
    });
    await damageOf(folder);
    const before = await contentOf(folder);
    await using log = await salvaged(folder);
    assert.deepEqual(log.parts.hardState, model.hardState);
    assert.equal(log.lastIndex, model.last.index);
    fillFrom(log, model);
    assert.deepEqual(await allOf(log), plain(model.entries));
    assert.deepEqual(await contentOf(folder), before);
  }
});

test("salvageLog() says which entries are missing, and reads the others", async (context) => {
  const { folder } = await folderOf(context, steady(10));
  await changeRecords(folder, (records) => flipBit(records, 4, -1));
  await flipFrameBit(folder, 8, 9);
  await using log = await salvaged(folder);
  // What came right before a hole is not certain either where it was not committed yet.
  assert.deepEqual(log.missing, [
    { from: 5, to: 8, termAtTo: 1 },
    { from: 13, to: 16, termAtTo: 1 },
  ]);
  const read = async (
    from: number,
    to: number,
    { termAtTo = 1, bytesMax = 1_000, countMax = 10 } = {},
  ): Promise<unknown> => {
    const found = await log.entriesUpTo({ from, to, termAtTo, bytesMax, countMax });
    return found && [found.entries.map(({ index }) => index), found.previousTerm];
  };
  assert.deepEqual(await read(2, 4), [[2, 3, 4], 1]);
  assert.deepEqual(await read(1, 2), [[1, 2], 0]);
  assert.deepEqual(await read(7, 12), [[9, 10, 11, 12], 1]);
  assert.deepEqual(await read(1, 4, { bytesMax: 30 }), [[3, 4], 1]);
  assert.deepEqual(await read(1, 4, { bytesMax: 1 }), [[4], 1]);
  assert.deepEqual(await read(1, 4, { countMax: 3 }), [[2, 3, 4], 1]);
  assert.equal(await read(1, 4, { termAtTo: 2 }), undefined);
  for (const to of [0, 6, 8, 21]) assert.equal(await read(1, to), undefined);
  assert.equal(log.fill(entries(7, 2), 1), undefined);
  assert.deepEqual(log.missing, [{ from: 13, to: 16, termAtTo: 1 }]);
  assert.deepEqual(await read(4, 9), [[4, 5, 6, 7, 8, 9], 1]);
});

test("salvageLog() needs no peer for a record that held no entries", async (context) => {
  const history = steady(4);
  const quiet = { ...(history[3] as (typeof history)[0]), entries: [] };
  const { folder, model } = await folderOf(context, [
    ...history,
    { ...quiet, hardState: { term: 2, vote: 1, commit: 8 } },
    { ...quiet, hardState: { term: 3, vote: 2, commit: 8 } },
  ]);
  await changeRecords(folder, (records) => flipBit(records, 5, 60));
  await damageOf(folder);
  await using log = await salvaged(folder);
  assert.deepEqual(log.missing, []);
  assert.deepEqual(log.parts.hardState, model.hardState);
});

type Damage = (folder: string) => Promise<void>;

function onRecords(change: (records: Records) => void): Damage {
  return (folder) => changeRecords(folder, change);
}

/** Of a log of 10 records. Each leaves something uncertain that was promised. */
const LOST: readonly (readonly [string, Damage, RegExp])[] = [
  ["the last record is bad", onRecords((all) => flipBit(all, 10, 50)), /record 10.*checksum/],
  ["the last record is gone", onRecords((all) => all.delete(10)), /record 10 is missing/],
  ["the marker is gone", (folder) => rm(join(folder, MARKER_FILE)), /the marker: it is missing/],
  ["a bad marker", (folder) => writeFile(join(folder, MARKER_FILE), "no"), /its slots is readable/],
  ["a distrusted log", (folder) => distrustLog(folder, "it was told so"), /it was told so/],
  ["no database", (folder) => rm(join(folder, "meta", "CURRENT")), /at the database/],
  [
    "the segment's header is bad",
    async (folder): Promise<void> => {
      const path = join(folder, "segment-00000001.log");
      const bytes = await readFile(path);
      bytes[8] = 9;
      await writeFile(path, bytes);
    },
    /segment 1 is not readable/,
  ],
  [
    "a beginning that holds records",
    (folder) => writeFile(join(folder, "new-2"), Buffer.alloc(100)),
    /new-2 holds records/,
  ],
  [
    "a record that does not follow",
    onRecords((all) => all.set(5, strangeRecord(5, 9, entries(9, 2)))),
    /record 5: it does not follow the record before it/,
  ],
  [
    "a record behind a hole that takes back what was committed",
    onRecords((all) => {
      all.delete(5);
      all.set(6, strangeRecord(6, 8, entries(4, 1, 3)));
    }),
    /record 6: the term at 3 is not 2/,
  ],
];

function strangeRecord(sequence: number, commit: number, list: readonly Entry[]): Uint8Array {
  const firstIndex = list[0]?.index ?? 1;
  const hardState = { term: 3, vote: 2, commit };
  const record = Buffer.alloc(recordBytes(list));
  const previousHash = new Uint8Array(16);
  const header = { sequence, firstIndex, previousTerm: 2, hardState, previousHash };
  encodeRecord(record, identityDigest(IDENTITY), header, list);
  return record;
}

for (const [name, damage, reason] of LOST) {
  test(`salvageLog() does not salvage: ${name}`, async (context) => {
    const { folder } = await folderOf(context, steady(10));
    await damage(folder);
    const salvage = await salvageLog(folder, IDENTITY);
    assert.match(salvage.type === "lost" ? salvage.reason : "it was salvaged", reason);
  });
}

test("salvageLog() does not salvage another's log, nor one that was not whole", async (context) => {
  const { folder } = await folderOf(context, steady(3));
  const other = await salvageLog(folder, { ...IDENTITY, replicaId: 3 });
  assert.match(other.type === "lost" ? other.reason : "", /the log is another's/);
  await changeRecords(folder, (records) => flipBit(records, 2, 50));
  const damage = await damageOf(folder);
  const { store } = await LevelLogStore.rebuild({ ...OPTIONS, folder }, damage);
  await store[Symbol.asyncDispose]();
  const recovering = await salvageLog(folder, IDENTITY);
  assert.match(recovering.type === "lost" ? recovering.reason : "", /was recovering already/);
});

test("salvageLog() does not salvage a log whose state is an older one", async (context) => {
  const { folder } = await folderOf(context, steady(3));
  const meta = join(folder, "meta");
  await cp(meta, `${folder}-meta`, { recursive: true });
  const { store } = await openIn(folder);
  const content = Buffer.from("the state after entry 2");
  await save(store, metadataOf(2, 1, content), [content]);
  await store[Symbol.asyncDispose]();
  await rm(meta, { recursive: true });
  await cp(`${folder}-meta`, meta, { recursive: true });
  const salvage = await salvageLog(folder, IDENTITY);
  assert.match(salvage.type === "lost" ? salvage.reason : "", /older than generation 2/);
});

/** Changes what lies in the folder's own database. */
async function changeMeta(
  folder: string,
  change: (meta: LevelDatabase) => Promise<void>,
): Promise<void> {
  const meta = await LevelDatabase.open(join(folder, "meta"), {
    createIfMissing: false,
    writeBufferBytes: 1_000_000,
  });
  await change(meta);
  await meta.close();
}

test("salvageLog() does not salvage a log that ends before its snapshot", async (context) => {
  const { folder } = await folderOf(context, steady(3));
  await changeMeta(folder, async (meta) => {
    const state = decodeState((await meta.get(STATE_KEY)) as Uint8Array);
    const metadata = { ...state.snapshot.metadata, index: 7, term: 1 };
    await meta.put(STATE_KEY, encodeState({ ...state, snapshot: { id: 1, metadata } }));
  });
  const salvage = await salvageLog(folder, IDENTITY);
  assert.match(salvage.type === "lost" ? salvage.reason : "", /ends at 6, before its snapshot/);
});

test("salvageLog() does not salvage a log whose snapshot is damaged", async (context) => {
  const { folder } = await folderOf(context, steady(3));
  const { store } = await openIn(folder);
  const content = Buffer.from("the state after entry 2");
  await save(store, metadataOf(2, 1, content), [content]);
  await store[Symbol.asyncDispose]();
  await changeMeta(folder, (meta) => meta.put(chunkKey(2, 0), Buffer.from("another chunk")));
  const salvage = await salvageLog(folder, IDENTITY);
  assert.match(salvage.type === "lost" ? salvage.reason : "", /chunk 0 of the snapshot at 2/);
});

test("salvageLog() leaves out a last record that a crash cut off", async (context) => {
  const { folder } = await folderOf(context, steady(10));
  const marker = await readFile(join(folder, MARKER_FILE));
  const { store } = await openIn(folder);
  await write(store, { entries: entries(21, 2) });
  await store[Symbol.asyncDispose]();
  await writeFile(join(folder, MARKER_FILE), marker);
  await changeRecords(folder, (records) => {
    flipBit(records, 4, 50);
    flipBit(records, 11, 50);
  });
  await using log = await salvaged(folder);
  assert.equal(log.lastIndex, 20);
  assert.deepEqual(log.missing, [{ from: 5, to: 8, termAtTo: 1 }]);
  // A second bad record before it might have been the last one that was promised.
  await changeRecords(folder, (records) => flipBit(records, 10, 50));
  assert.equal((await salvageLog(folder, IDENTITY)).type, "lost");
});

test("salvageLog() wants all records whole behind the one vouched for", async (context) => {
  const { folder } = await folderOf(context, steady(10));
  const marker = await readFile(join(folder, MARKER_FILE));
  const { store } = await openIn(folder);
  for (let at = 0; at < 3; at += 1) await write(store, { entries: entries(21 + at, 1) });
  await store[Symbol.asyncDispose]();
  await writeFile(join(folder, MARKER_FILE), marker);
  await changeRecords(folder, (records) => flipBit(records, 12, 50));
  const salvage = await salvageLog(folder, IDENTITY);
  assert.match(salvage.type === "lost" ? salvage.reason : "", /does not vouch for it/);
});
