/** A disk that fails and a machine that stops at every possible moment, on a database in memory. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Prng } from "@atoll/stdx";
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
  save,
  seedOf,
  temporaryFolder,
  write,
} from "./testing/harness.ts";
import { LogModel } from "./testing/log-model.ts";
import { MemoryDatabase } from "./testing/memory-database.ts";

function openOn(database: MemoryDatabase, folder: string): Promise<OpenedStore> {
  return LevelLogStore.open({
    folder,
    identity: IDENTITY,
    founding: FOUNDING,
    openDatabase: () => Promise.resolve(database),
  });
}

function diskFull(): never {
  throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
}

test("the first failed write ends the store and is never tried again", async (context) => {
  const database = new MemoryDatabase();
  const { store } = await openOn(database, await temporaryFolder(context));
  await write(store, { entries: entries(1, 2) });
  const failing = database.writes + 1;
  database.beforeWrite = (number) => (number >= failing ? diskFull() : undefined);
  const failed = { code: "STORAGE_FAILED", retryable: false, name: "StorageFailedError" };
  const outcomes = [
    write(store, { entries: entries(3, 1) }),
    write(store, { entries: entries(4, 1) }),
    read(store, 1, 2),
    compact(store, 1),
  ];
  for (const outcome of outcomes) await assert.rejects(outcome, failed);
  database.beforeWrite = () => undefined;
  await assert.rejects(write(store, { entries: entries(3, 1) }), failed);
  await assert.rejects(read(store, 1, 2), failed);
  await assert.rejects(save(store, metadataOf(1, 1, new Uint8Array()), []), failed);
  assert.equal(database.writes, failing, "nothing reached the disk after the failure");
  await store[Symbol.asyncDispose]();
});

test("a failed write keeps its cause", async (context) => {
  const database = new MemoryDatabase();
  const { store } = await openOn(database, await temporaryFolder(context));
  database.beforeWrite = diskFull;
  const error = await write(store, { hardState: { term: 1, vote: 1, commit: 0 } }).catch(
    (e: unknown) => e,
  );
  assert.equal(((error as Error).cause as { code: string }).code, "ENOSPC");
  await store[Symbol.asyncDispose]();
});

test("a record that goes bad under a running store ends it", async (context) => {
  const database = new MemoryDatabase();
  const { store } = await openOn(database, await temporaryFolder(context));
  for (const first of [1, 3]) await write(store, { entries: entries(first, 2) });
  const key = [...database.pairs.keys()].findLast((name) => name.startsWith("72")) as string;
  const value = database.pairs.get(key) as Uint8Array;
  value[value.length - 1] = (value[value.length - 1] as number) ^ 1;
  await assert.rejects(read(store, 3, 4), { code: "LOG_DAMAGED", record: "record 2" });
  await assert.rejects(write(store, { entries: entries(5, 1) }), { code: "LOG_DAMAGED" });
  await store[Symbol.asyncDispose]();
});

test("snapshots and compactions keep their place while writes go on", async (context) => {
  const database = new MemoryDatabase();
  const folder = await temporaryFolder(context);
  const { store } = await openOn(database, folder);
  const pending: Promise<unknown>[] = [];
  for (let index = 1; index <= 300; index += 1) {
    pending.push(write(store, { entries: [entry(index, 1)] }));
    if (index % 50 !== 0) continue;
    const content = Buffer.from(`state at ${index}`);
    await pending.at(-1);
    pending.push(save(store, metadataOf(index, 1, content), [content]), compact(store, index));
  }
  await Promise.all(pending);
  await compact(store, 300);
  await store[Symbol.asyncDispose]();
  const { store: again, recovered } = await openOn(new MemoryDatabase(database.pairs), folder);
  await again[Symbol.asyncDispose]();
  assert.deepEqual(
    [recovered.snapshot.index, recovered.last.index, recovered.firstIndex],
    [300, 300, 301],
  );
});

interface CrashPoint {
  readonly pairs: ReadonlyMap<string, Uint8Array>;
  readonly marker: Uint8Array;
  readonly model: LogModel;
}

/**
 * Calls in a row; remembers what was on disk, and what was acknowledged, before each single write.
 */
async function recordCrashPoints(prng: Prng, folder: string): Promise<CrashPoint[]> {
  const database = new MemoryDatabase();
  const { store } = await openOn(database, folder);
  const model = new LogModel(FOUNDING_SNAPSHOT);
  const points: CrashPoint[] = [];
  const remember = (): undefined => {
    const marker = readFileSync(join(folder, "durable-marker"));
    points.push({ pairs: new Map(database.pairs), marker, model: model.copy() });
  };
  database.beforeWrite = remember;
  for (let step = 0; step < 25; step += 1) await randomStep(prng, store, model);
  await store[Symbol.asyncDispose]();
  remember();
  return points;
}

async function randomStep(prng: Prng, store: LevelLogStore, model: LogModel): Promise<void> {
  const term = Math.max(model.hardState.term, model.last.term) + prng.below(2);
  const content = randomBytes(prng, prng.below(4000));
  switch (prng.below(6)) {
    case 0: {
      const metadata = metadataOf(model.last.index, model.last.term, content);
      if (metadata.index <= model.snapshot.index) return;
      await save(store, metadata, [content]);
      return model.saveSnapshot(metadata, content);
    }
    case 1: {
      if (!prng.chance(1, 3)) return;
      const metadata = metadataOf(model.last.index + 5, term, content);
      await install(store, metadata, [content], { term, vote: 1, commit: 0 });
      return model.install(metadata, content, { term, vote: 1, commit: 0 });
    }
    case 2: {
      await compact(store, model.snapshot.index);
      return model.compact(model.snapshot.index);
    }
    default: {
      const lowest = Math.max(model.snapshot.index, model.begin.index) + 1;
      const first = Math.max(lowest, model.last.index + 1 - prng.below(4));
      const what = {
        entries: entries(first, prng.below(5), term),
        hardState: { term, vote: 2, commit: 0 },
      };
      await write(store, what);
      return model.write(what);
    }
  }
}

async function openPoint(
  parent: string,
  pairs: ReadonlyMap<string, Uint8Array>,
  marker: Uint8Array,
): Promise<OpenedStore> {
  const folder = await mkdtemp(join(parent, "point-"));
  await writeFile(join(folder, "durable-marker"), marker);
  try {
    const opened = await openOn(new MemoryDatabase(pairs), folder);
    await opened.store[Symbol.asyncDispose]();
    return opened;
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("a stop before any write leaves all that was acknowledged", async (context) => {
  const seed = seedOf(context);
  const parent = await temporaryFolder(context);
  for (let round = 0; round < 4; round += 1) {
    const prng = new Prng(seed).child(`round ${round}`);
    const points = await recordCrashPoints(prng, await mkdtemp(join(parent, "run-")));
    for (const [number, { pairs, marker, model }] of points.entries()) {
      const { recovered } = await openPoint(parent, pairs, marker);
      assert.equal(model.difference(recovered), undefined, `point ${number} of seed ${seed}`);
      const older = prng.pick(points.slice(0, number + 1)).marker;
      const stale = await openPoint(parent, pairs, older);
      assert.equal(model.difference(stale.recovered), undefined, `stale marker, seed ${seed}`);
    }
  }
});

test("a lost last record is a crash or damage, as the marker says", async (context) => {
  const seed = seedOf(context);
  const parent = await temporaryFolder(context);
  const prng = new Prng(seed);
  const points = await recordCrashPoints(prng, await mkdtemp(join(parent, "run-")));
  const seen = { torn: 0, damaged: 0 };
  for (let number = 1; number < points.length; number += 1) {
    const before = points[number - 1] as CrashPoint;
    const after = points[number] as CrashPoint;
    const added = [...after.pairs.keys()].filter((key) => !before.pairs.has(key));
    const record = added.find((key) => key.startsWith("72"));
    if (record === undefined) continue;
    const bad = Uint8Array.from(after.pairs.get(record) as Uint8Array);
    const at = prng.below(bad.length);
    bad[at] = (bad[at] as number) ^ (1 << prng.below(8));
    const pairs = new Map(after.pairs).set(record, bad);
    const torn = await openPoint(parent, pairs, before.marker);
    assert.notEqual(torn.tornSequence, undefined);
    assert.equal(before.model.difference(torn.recovered), undefined, `seed ${seed}`);
    seen.torn += 1;
    // The marker follows a moment after the write; only where it did is it able to tell.
    const final = (points.at(-1) as CrashPoint).marker;
    await assert.rejects(openPoint(parent, pairs, final), { code: "LOG_DAMAGED" });
    seen.damaged += 1;
  }
  assert.ok(seen.torn > 3, `only ${seen.torn} records seen`);
});
