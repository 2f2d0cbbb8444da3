/**
 * The store is killed at every boundary of a write, and between; and what is appended after a torn
 * end stays.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Prng } from "@atoll/stdx";
import type { RecoveredLog } from "@atoll/raft-replica";
import { LevelLogStore } from "./level-log-store.ts";
import {
  compact,
  entries,
  FOUNDING,
  FOUNDING_SNAPSHOT,
  IDENTITY,
  install,
  metadataOf,
  save,
  seedOf,
  temporaryFolder,
  write,
} from "./testing/harness.ts";
import { LogModel } from "./testing/log-model.ts";
import { MemoryDatabase } from "./testing/memory-database.ts";
import { type DiskContent, openContent, openOn } from "./testing/points.ts";

interface CrashPoint extends DiskContent {
  /** What was acknowledged before this write. */
  readonly model: LogModel;
  /** What the call under way will have done. */
  readonly next: LogModel;
  readonly standing: string;
}

type Call = (store: LevelLogStore, model: LogModel) => Promise<void>;

function appended(from: number, count: number, term: number, vote: number): Call {
  return async (store, model) => {
    const what = { entries: entries(from, count, term), hardState: { term, vote, commit: 0 } };
    model.write(what);
    await write(store, what);
  };
}

/** Every kind of call, some of them of several writes. */
const CALLS: readonly Call[] = [
  appended(1, 3, 1, 2),
  appended(4, 2, 1, 2),
  appended(3, 4, 2, 1),
  async (store, model): Promise<void> => {
    const content = Buffer.alloc(300_000, 7);
    model.saveSnapshot(metadataOf(4, 2, content), content);
    await save(store, metadataOf(4, 2, content), [content]);
  },
  async (store, model): Promise<void> => {
    model.compact(4);
    await compact(store, 4);
  },
  appended(7, 1, 3, 3),
  async (store, model): Promise<void> => {
    const content = Buffer.alloc(1_500_000, 9);
    const hardState = { term: 4, vote: 0, commit: 0 };
    model.install(metadataOf(20, 4, content), content, hardState);
    await install(store, metadataOf(20, 4, content), [content], hardState);
  },
  appended(21, 2, 4, 0),
  async (store, model): Promise<void> => {
    const what = { hardState: { term: 5, vote: 2, commit: 0 } };
    model.write(what);
    await write(store, { ...what, standing: "whole" });
  },
  appended(22, 2, 6, 1),
];

/** All boundaries of all writes of {@link CALLS}, on a log that begins blank. */
async function crashPoints(context: TestContext): Promise<CrashPoint[]> {
  const folder = await temporaryFolder(context);
  const database = new MemoryDatabase();
  const points: CrashPoint[] = [];
  let model = new LogModel(FOUNDING_SNAPSHOT);
  let next = model;
  let standing = "blank";
  const { store } = await LevelLogStore.open({
    folder,
    identity: IDENTITY,
    founding: FOUNDING,
    newStanding: "blank",
    openDatabase: () => Promise.resolve(database),
  });
  const remember = (): undefined => {
    const marker = readFileSync(join(folder, "durable-marker"));
    points.push({ pairs: new Map(database.pairs), marker, model, next, standing });
  };
  database.beforeWrite = remember;
  for (const [at, call] of CALLS.entries()) {
    next = model.copy();
    await call(store, next);
    model = next;
    if (at === 8) standing = "whole";
  }
  await store[Symbol.asyncDispose]();
  remember();
  return points;
}

/** Undefined when `recovered` is what was acknowledged, or that and the call under way. */
function difference(point: CrashPoint, recovered: RecoveredLog): string | undefined {
  const acknowledged = point.model.difference(recovered);
  if (acknowledged === undefined) return undefined;
  return point.next.difference(recovered) === undefined ? undefined : acknowledged;
}

test("a stop at any boundary of a write leaves all that was acknowledged", async (context) => {
  const points = await crashPoints(context);
  const folder = await temporaryFolder(context);
  for (const [at, point] of points.entries()) {
    for (const { marker } of points.slice(0, at + 1)) {
      // The marker may be as old as it likes after a loss of power.
      const { recovered } = await openContent(folder, { pairs: point.pairs, marker });
      assert.equal(difference(point, recovered), undefined, `point ${at}`);
      if (point.standing === "whole") assert.equal(recovered.standing, "whole", `point ${at}`);
    }
  }
  context.diagnostic(`${points.length} boundaries`);
  assert.ok(points.length > CALLS.length + 4);
});

test("a stop within any write leaves all that was acknowledged", async (context) => {
  const points = await crashPoints(context);
  const folder = await temporaryFolder(context);
  let torn = 0;
  for (const [at, before] of points.slice(0, -1).entries()) {
    const after = points[at + 1] as CrashPoint;
    const added = [...after.pairs.keys()].find((key) => !before.pairs.has(key));
    if (added === undefined || !added.startsWith("72")) continue;
    const value = after.pairs.get(added) as Uint8Array;
    for (let length = 0; length < value.length; length += 3) {
      const pairs = new Map(before.pairs).set(added, value.subarray(0, length));
      const { recovered, tornSequence } = await openContent(folder, { ...before, pairs });
      assert.equal(before.model.difference(recovered), undefined, `${added} cut to ${length}`);
      assert.notEqual(tornSequence, undefined);
      torn += 1;
    }
  }
  context.diagnostic(`${torn} torn writes`);
  assert.ok(torn > 200);
});

test("a crash before the standing is written leaves the log as it was", async (context) => {
  const points = await crashPoints(context);
  const folder = await temporaryFolder(context);
  const seen = new Set<string | undefined>();
  for (const point of points.filter(({ standing }) => standing === "blank")) {
    seen.add((await openContent(folder, point)).recovered.standing);
  }
  assert.deepEqual([...seen], ["blank"]);
});

test("what is appended after a torn end stays, however often it happens", async (context) => {
  const seed = seedOf(context);
  const prng = new Prng(seed);
  const folder = await temporaryFolder(context);
  let pairs: ReadonlyMap<string, Uint8Array> = new Map();
  const model = new LogModel(FOUNDING_SNAPSHOT);
  const seen = { torn: 0, truncated: 0 };
  for (let life = 0; life < 40; life += 1) {
    const database = new MemoryDatabase(pairs);
    const { store, recovered } = await openOn(database, folder);
    assert.equal(model.difference(recovered), undefined, `life ${life} of seed ${seed}`);
    for (let turn = prng.below(3); turn >= 0; turn -= 1) {
      const term = model.hardState.term + prng.below(2);
      const first = Math.max(1, model.last.index + 1 - prng.below(5));
      if (first <= model.last.index) seen.truncated += 1;
      const what = {
        entries: entries(first, prng.between(1, 4), Math.max(term, 1)),
        hardState: { term: Math.max(term, 1), vote: 2, commit: 0 },
      };
      model.write(what);
      await write(store, what);
    }
    await store[Symbol.asyncDispose]();
    const marker = readFileSync(join(folder, "durable-marker"));
    if (prng.chance(2, 3)) {
      await tearOne(database, folder, model.copy(), prng);
      await writeFile(join(folder, "durable-marker"), marker);
      seen.torn += 1;
    }
    pairs = database.pairs;
  }
  context.diagnostic(JSON.stringify(seen));
  assert.ok(seen.torn > 10 && seen.truncated > 10);
});

/** One more write, which the crash cuts off somewhere; it may have been about to truncate. */
async function tearOne(
  database: MemoryDatabase,
  folder: string,
  model: LogModel,
  prng: Prng,
): Promise<void> {
  const before = new Set(database.pairs.keys());
  const { store } = await openOn(database, folder);
  const first = Math.max(1, model.last.index - prng.below(3));
  await write(store, { entries: entries(first, 3, model.hardState.term) });
  await store[Symbol.asyncDispose]();
  const added = [...database.pairs.keys()].find((key) => !before.has(key)) as string;
  const value = database.pairs.get(added) as Uint8Array;
  database.pairs.set(added, value.subarray(0, prng.below(value.length)));
}
