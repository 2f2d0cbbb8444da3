/**
 * What is damaged below the store is noticed when it opens: nothing that was durable goes quietly.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { Prng } from "@atoll/stdx";
import type { RecoveredLog } from "@atoll/raft-replica";
import { Level } from "level";
import { chunkKey, IDENTITY_KEY, STATE_KEY } from "./keys.ts";
import { LevelLogStore } from "./level-log-store.ts";
import { segmentName } from "./log-folder.ts";
import {
  compact,
  entries,
  FOUNDING,
  FOUNDING_SNAPSHOT,
  IDENTITY,
  metadataOf,
  randomBytes,
  save,
  seedOf,
  temporaryFolder,
  write,
} from "./testing/harness.ts";
import { LogModel } from "./testing/log-model.ts";
import { changeRecords, flipBit, flipFrameBit, type Records } from "./testing/segment-change.ts";

const RECORDS = 8;
const SNAPSHOT_BYTES = 600_000;

/** A closed log of eight records whose first two are compacted, and the model of it. */
async function prepare(folder: string): Promise<LogModel> {
  const model = new LogModel(FOUNDING_SNAPSHOT);
  const { store } = await LevelLogStore.open({ folder, identity: IDENTITY, founding: FOUNDING });
  for (let record = 0; record < RECORDS; record += 1) {
    const hardState = { term: record + 1, vote: 1 + (record % 3), commit: 0 };
    const what = { hardState, entries: entries(1 + record * 10, 10, record + 1) };
    model.write(what);
    await write(store, what);
  }
  const content = randomBytes(new Prng(5), SNAPSHOT_BYTES);
  await save(store, metadataOf(25, 3, content), [content]);
  model.saveSnapshot(metadataOf(25, 3, content), content);
  await compact(store, 25);
  model.compact(25);
  await store[Symbol.asyncDispose]();
  return model;
}

async function reopen(folder: string): Promise<RecoveredLog> {
  const opened = await LevelLogStore.open({ folder, identity: IDENTITY, founding: FOUNDING });
  await opened.store[Symbol.asyncDispose]();
  return opened.recovered;
}

type Change = (folder: string) => Promise<void>;

async function changeMeta(
  folder: string,
  change: (database: Level<Uint8Array, Uint8Array>) => Promise<void>,
): Promise<void> {
  const options = { keyEncoding: "view", valueEncoding: "view" };
  const database = new Level<Uint8Array, Uint8Array>(join(folder, "meta"), options);
  await database.open();
  await change(database);
  await database.close();
}

function flip(key: Uint8Array, byte: number): Change {
  return (folder) =>
    changeMeta(folder, async (database) => {
      const value = Uint8Array.from((await database.get(key)) as Uint8Array);
      value[byte] = (value[byte] as number) ^ 0x10;
      await database.put(key, value);
    });
}

function swap(one: Uint8Array, other: Uint8Array): Change {
  return (folder) =>
    changeMeta(folder, async (database) => {
      const value = (await database.get(one)) as Uint8Array;
      await database.put(one, (await database.get(other)) as Uint8Array);
      await database.put(other, value);
    });
}

function remove(key: Uint8Array): Change {
  return (folder) => changeMeta(folder, (database) => database.del(key));
}

function inRecords(change: (records: Records) => void): Change {
  return (folder) => changeRecords(folder, change);
}

function removeRecord(sequence: number): Change {
  return inRecords((records) => void records.delete(sequence));
}

function flipRecord(sequence: number, byte: number): Change {
  return inRecords((records) => flipBit(records, sequence, byte));
}

function flipFrame(sequence: number, byte: number): Change {
  return (folder) => flipFrameBit(folder, sequence, byte);
}

function swapRecords(one: number, other: number): Change {
  return inRecords((records) => {
    const kept = records.get(one) as Uint8Array;
    records.set(one, records.get(other) as Uint8Array);
    records.set(other, kept);
  });
}

const DAMAGES: readonly (readonly [string, Change, string])[] = [
  ["the first record is missing", removeRecord(3), "record 3"],
  ["a record in the middle is missing", removeRecord(5), "record 5"],
  ["the last record is missing", removeRecord(8), "record 8"],
  ["a bit in a header flipped", flipRecord(4, 41), "record 4"],
  ["a bit in an entry flipped", flipRecord(6, -1), "record 6"],
  ["a bit in the last record flipped", flipRecord(8, -1), "record 8"],
  ["a bit of a vote flipped", flipRecord(8, 64), "record 8"],
  ["a bit in the frame of a record flipped", flipFrame(5, 9), "record 5"],
  ["a bit in the frame of the last record flipped", flipFrame(8, 4), "record 8"],
  ["two records swapped", swapRecords(4, 5), "record 4"],
  ["the state is missing", remove(STATE_KEY), "the state"],
  ["a bit of the state flipped", flip(STATE_KEY, 30), "the state"],
  ["the identity is missing", remove(IDENTITY_KEY), "the identity"],
  ["a bit of the identity flipped", flip(IDENTITY_KEY, 9), "the identity"],
  ["a chunk is missing", remove(chunkKey(2, 1)), "chunk 1 of the snapshot at 25"],
  ["a bit of a chunk flipped", flip(chunkKey(2, 2), 500), "chunk 2 of the snapshot at 25"],
  ["two chunks swapped", swap(chunkKey(2, 0), chunkKey(2, 1)), "chunk 0 of the snapshot at 25"],
];

for (const [name, change, record] of DAMAGES) {
  test(`open() refuses a log where ${name}`, async (context) => {
    const folder = await temporaryFolder(context);
    await prepare(folder);
    await change(folder);
    const refused = { code: "LOG_DAMAGED", record, retryable: false };
    await assert.rejects(reopen(folder), refused);
    await assert.rejects(reopen(folder), refused, "nothing is repaired on the way");
  });
}

test("open() refuses a log whose marker is gone", async (context) => {
  const folder = await temporaryFolder(context);
  await prepare(folder);
  await rm(join(folder, "durable-marker"));
  await assert.rejects(reopen(folder), { code: "LOG_DAMAGED", record: "the marker" });
});

test("open() refuses to found a log where one was lost", async (context) => {
  const folder = await temporaryFolder(context);
  await prepare(folder);
  await rm(join(folder, "meta"), { recursive: true });
  await assert.rejects(reopen(folder), (error: { code?: unknown }) =>
    ["LOG_DAMAGED", "STORAGE_FAILED"].includes(String(error.code)),
  );
});

test("open() refuses an older state of the database", async (context) => {
  const folder = await temporaryFolder(context);
  const opened = await LevelLogStore.open({ folder, identity: IDENTITY, founding: FOUNDING });
  await write(opened.store, { entries: entries(1, 3), hardState: { term: 1, vote: 1, commit: 0 } });
  await opened.store[Symbol.asyncDispose]();
  const older = await temporaryFolder(context);
  await cp(folder, older, { recursive: true });
  const again = await LevelLogStore.open({ folder, identity: IDENTITY, founding: FOUNDING });
  await write(again.store, { hardState: { term: 2, vote: 3, commit: 0 } });
  await again.store[Symbol.asyncDispose]();
  await cp(join(folder, "durable-marker"), join(older, "durable-marker"));
  await assert.rejects(reopen(older), { code: "LOG_DAMAGED", record: "record 2" });
});

test("open() removes a torn last record that the marker does not vouch for", async (context) => {
  const folder = await temporaryFolder(context);
  const model = await prepare(folder);
  const marker = await readFile(join(folder, "durable-marker"));
  const opened = await LevelLogStore.open({ folder, identity: IDENTITY, founding: FOUNDING });
  await write(opened.store, {
    entries: entries(81, 5, 9),
    hardState: { term: 9, vote: 2, commit: 0 },
  });
  await opened.store[Symbol.asyncDispose]();
  await writeFile(join(folder, "durable-marker"), marker);
  await flipRecord(9, -1)(folder);
  const again = await LevelLogStore.open({ folder, identity: IDENTITY, founding: FOUNDING });
  assert.equal(again.tornSequence, 9);
  assert.equal(model.difference(again.recovered), undefined);
  const what = { entries: entries(81, 1, 10), hardState: { term: 10, vote: 1, commit: 0 } };
  model.write(what);
  await write(again.store, what);
  await again.store[Symbol.asyncDispose]();
  assert.equal(model.difference(await reopen(folder)), undefined);
});

/** Damages one file of the database and opens: either it is refused or nothing is missing. */
async function damageFile(context: TestContext, prng: Prng, origin: string): Promise<string> {
  const parent = await temporaryFolder(context);
  const folder = await mkdtemp(join(parent, "copy-"));
  await cp(origin, folder, { recursive: true });
  const names = await readdir(join(folder, "meta"));
  const name = prng.pick(names.filter((file) => /\.(log|ldb)$|^MANIFEST|^CURRENT/.test(file)));
  const path = join(folder, prng.pick([segmentName(1), join("meta", name)]));
  const file = await readFile(path);
  // Behind the records there are zeros, of which nothing depends.
  const bytes = file.subarray(0, file.findLastIndex((byte) => byte !== 0) + 1);
  if (bytes.length === 0) return folder;
  const at = prng.below(bytes.length);
  const kind = prng.below(4);
  if (kind === 0) await truncate(path, at);
  else if (kind === 1) await rm(path);
  else {
    const length = kind === 2 ? 1 : Math.min(512, bytes.length - at);
    for (let byte = at; byte < at + length; byte += 1) {
      bytes[byte] = (bytes[byte] as number) ^ (1 << prng.below(8));
    }
    await writeFile(path, bytes);
  }
  return folder;
}

test("damage to any file is refused or harmless", async (context) => {
  const seed = seedOf(context);
  const prng = new Prng(seed);
  const origin = await temporaryFolder(context);
  const model = await prepare(origin);
  const moved = await temporaryFolder(context);
  await cp(origin, moved, { recursive: true });
  // Opening moves what is in LevelDB's log file into a table file.
  await reopen(moved);
  const outcomes = { refused: 0, whole: 0 };
  for (let round = 0; round < 60; round += 1) {
    const folder = await damageFile(context, prng, round % 2 === 0 ? origin : moved);
    try {
      const difference = model.difference(await reopen(folder));
      assert.equal(difference, undefined, `round ${round} of seed ${seed}`);
      outcomes.whole += 1;
    } catch (error) {
      const code = String((error as { code?: unknown }).code);
      assert.match(code, /^(LOG_DAMAGED|STORAGE_FAILED)$/, `${String(error)}, seed ${seed}`);
      outcomes.refused += 1;
    }
    await rm(folder, { recursive: true });
  }
  context.diagnostic(`${outcomes.refused} refused, ${outcomes.whole} whole`);
  assert.ok(outcomes.refused > 0, "at least some damage must have been seen");
});

test("SIGKILL while writing loses nothing that was acknowledged", async (context) => {
  const folder = await temporaryFolder(context);
  const script = join(import.meta.dirname, "testing", "writer-process.ts");
  let acknowledged = 0;
  for (const until of [200, 500, 900]) {
    const child = spawn(process.execPath, ["--conditions=atoll-source", script, folder], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = new Promise((resolve) => child.once("exit", resolve));
    try {
      for await (const line of createInterface({ input: child.stdout })) {
        acknowledged = Number(line);
        if (acknowledged >= until) child.kill("SIGKILL");
      }
    } finally {
      child.kill("SIGKILL");
      await exited;
    }
    assert.ok(acknowledged >= until, `the writer stopped at ${acknowledged}`);
    const recovered = await reopen(folder);
    assert.ok(recovered.last.index >= acknowledged, `${recovered.last.index} < ${acknowledged}`);
  }
});
