/**
 * A damaged log is put aside and rebuilt as one that knows it is not whole; and the offline check
 * that says what is wrong with it.
 */
import assert from "node:assert/strict";
import { cp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { diskError } from "./disk-check.ts";
import { distrustLog } from "./distrust.ts";
import { LevelLogStore, type OpenedStore } from "./level-log-store.ts";
import type { LevelLogStoreOptions } from "./level-log-options.ts";
import { entries, FOUNDING, IDENTITY, temporaryFolder, write } from "./testing/harness.ts";
import { changeRecords, flipBit } from "./testing/segment-change.ts";
import { verifyLogFolder } from "./verify-log.ts";

const RECORDS = 6;

function optionsFor(folder: string): LevelLogStoreOptions {
  return { folder, identity: IDENTITY, founding: FOUNDING, newStanding: "blank" };
}

async function close({ store }: OpenedStore): Promise<void> {
  await store[Symbol.asyncDispose]();
}

/** A closed log of six records, of terms 1 to 6, two entries each. */
async function prepare(folder: string): Promise<void> {
  const opened = await LevelLogStore.open({ folder, identity: IDENTITY, founding: FOUNDING });
  for (let term = 1; term <= RECORDS; term += 1) {
    const hardState = { term, vote: 1, commit: 0 };
    await write(opened.store, { hardState, entries: entries(2 * term - 1, 2, term) });
  }
  await close(opened);
}

async function failureOf(folder: string): Promise<Error> {
  const error = await LevelLogStore.open(optionsFor(folder)).catch((caught: unknown) => caught);
  assert.ok(error instanceof Error);
  return error;
}

test("rebuild() keeps the damaged folder and begins blank", async (context) => {
  const folder = join(await temporaryFolder(context), "raft");
  await prepare(folder);
  await changeRecords(folder, (records) => records.delete(3));
  const files = (await readdir(folder)).toSorted();
  const damage = await failureOf(folder);
  const rebuilt = await LevelLogStore.rebuild(optionsFor(folder), damage);
  await close(rebuilt);
  assert.deepEqual(
    [rebuilt.record, rebuilt.putAside, rebuilt.term],
    ["record 3", `${folder}.damaged-000001`, RECORDS],
  );
  const { standing, hardState, last } = rebuilt.recovered;
  assert.deepEqual([standing, hardState.term, hardState.vote, last.index], ["recovering", 6, 0, 0]);
  assert.match(rebuilt.reason, /damaged at record 3: .*raft\.damaged-000001/);
  assert.deepEqual((await readdir(rebuilt.putAside)).toSorted(), files, "kept as it was");
});

test("a rebuilt log stays recovering until a write says that it is whole", async (context) => {
  const folder = join(await temporaryFolder(context), "raft");
  await prepare(folder);
  await rm(join(folder, "durable-marker"));
  await close(await LevelLogStore.rebuild(optionsFor(folder), await failureOf(folder)));
  const again = await LevelLogStore.open(optionsFor(folder));
  assert.equal(again.recovered.standing, "recovering");
  assert.match(again.reason, /the marker/);
  await write(again.store, {
    entries: entries(1, 3, 7),
    hardState: { term: 7, vote: 0, commit: 0 },
  });
  await write(again.store, { hardState: { term: 7, vote: 2, commit: 0 }, standing: "whole" });
  await close(again);
  const whole = await LevelLogStore.open(optionsFor(folder));
  await close(whole);
  const { standing, hardState, last } = whole.recovered;
  assert.deepEqual(
    [standing, whole.reason, hardState.term, hardState.vote, last.index],
    ["whole", "", 7, 2, 3],
  );
});

test("a blank folder gives a log that asks whether its group is new", async (context) => {
  const folder = join(await temporaryFolder(context), "raft");
  const opened = await LevelLogStore.open(optionsFor(folder));
  assert.deepEqual([opened.recovered.standing, opened.reason], ["blank", "its folder was blank"]);
  await write(opened.store, { standing: "founded" });
  await close(opened);
  const founded = await LevelLogStore.open(optionsFor(folder));
  assert.equal(founded.recovered.standing, "founded");
  await close(founded);
});

test("rebuild() keeps three damaged folders and removes the oldest", async (context) => {
  const folder = join(await temporaryFolder(context), "raft");
  for (let round = 0; round < 5; round += 1) {
    await close(await LevelLogStore.open(optionsFor(folder)));
    await rm(join(folder, "durable-marker"));
    // A log that was used; one that was not may begin its marker anew.
    await writeFile(join(folder, "durable-marker"), "");
    await close(await LevelLogStore.rebuild(optionsFor(folder), await failureOf(folder)));
  }
  assert.deepEqual((await readdir(dirname(folder))).toSorted(), [
    "raft",
    "raft.damaged-000003",
    "raft.damaged-000004",
    "raft.damaged-000005",
  ]);
});

test("rebuild() answers a foreign folder, but no failed disk", async (context) => {
  const folder = join(await temporaryFolder(context), "raft");
  await prepare(folder);
  const other = { ...optionsFor(folder), identity: { ...IDENTITY, replicaId: 1 } };
  const foreign = await LevelLogStore.open(other).catch((error: unknown) => error as Error);
  const rebuilt = await LevelLogStore.rebuild(other, foreign as Error);
  await close(rebuilt);
  assert.deepEqual([rebuilt.record, rebuilt.term], ["the identity", 0], "its terms are not ours");
  for (const error of [
    Object.assign(new Error("a disk"), { code: "STORAGE_FAILED" }),
    Object.assign(new Error("locked"), { code: "FOLDER_LOCKED" }),
  ]) {
    await assert.rejects(LevelLogStore.rebuild(other, error), error);
  }
});

test("verifyLogFolder() finds a whole log whole and changes nothing", async (context) => {
  const folder = await temporaryFolder(context);
  await prepare(folder);
  const contents = await contentsOf(folder);
  const report = await verifyLogFolder(folder);
  assert.deepEqual(await contentsOf(folder), contents);
  assert.deepEqual(
    [report.verdict, report.highestTerm, report.lastIndex, report.standing, report.findings],
    ["whole", 6, 12, "whole", []],
  );
  assert.deepEqual(report.identity, IDENTITY);
});

test("verifyLogFolder() goes on behind the first damage", async (context) => {
  const folder = await temporaryFolder(context);
  await prepare(folder);
  await changeRecords(folder, (records) => {
    records.delete(2);
    flipBit(records, 4, -1);
    records.set(6, records.get(5) as Uint8Array);
  });
  const report = await verifyLogFolder(folder);
  assert.deepEqual(report.findings, [
    { record: "record 2", detail: "it is missing" },
    { record: "record 4", detail: "its checksum does not match" },
    { record: "record 6", detail: "it is record 5 in a wrong place" },
  ]);
  assert.deepEqual([report.verdict, report.findingsTotal, report.lastIndex], ["damaged", 3, 10]);
});

test("verifyLogFolder() names what else is damaged", async (context) => {
  const origin = await temporaryFolder(context);
  await prepare(origin);
  const cases: readonly (readonly [string, (folder: string) => Promise<void>])[] = [
    ["the marker", (folder): Promise<void> => rm(join(folder, "durable-marker"))],
    ["the database", (folder): Promise<void> => rm(join(folder, "meta", "CURRENT"))],
    ["record 1", (folder): Promise<void> => rm(join(folder, "segment-00000001.log"))],
    [
      "the database",
      (folder): Promise<void> => writeFile(join(folder, "new-2"), Buffer.alloc(100)),
    ],
    [
      "segment 1",
      (folder): Promise<void> => writeFile(join(folder, "segment-00000001.log"), "nothing"),
    ],
  ];
  for (const [record, damage] of cases) {
    const folder = join(await temporaryFolder(context), "raft");
    await cp(origin, folder, { recursive: true });
    await damage(folder);
    const { verdict, findings } = await verifyLogFolder(folder);
    assert.deepEqual([verdict, findings[0]?.record], ["damaged", record]);
  }
});

test("verifyLogFolder() takes a last record that nobody was told of for torn", async (context) => {
  const folder = await temporaryFolder(context);
  await prepare(folder);
  const marker = await readFile(join(folder, "durable-marker"));
  const opened = await LevelLogStore.open(optionsFor(folder));
  await write(opened.store, { entries: entries(13, 1, 6) });
  await close(opened);
  await writeFile(join(folder, "durable-marker"), marker);
  await changeRecords(folder, (records) => {
    records.set(7, (records.get(7) as Uint8Array).subarray(0, -3));
  });
  const report = await verifyLogFolder(folder);
  assert.deepEqual([report.verdict, report.findings, report.lastIndex], ["torn", [], 12]);
});

async function contentsOf(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = found
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name));
  return Promise.all(
    files.toSorted().map(async (path) => `${path} ${(await readFile(path)).toString("hex")}`),
  );
}

test("a log that was distrusted is damaged, and its note goes aside with it", async (context) => {
  const folder = join(await temporaryFolder(context), "raft");
  await prepare(folder);
  await distrustLog(folder, "acknowledged entries are lost");
  const damage = await failureOf(folder);
  assert.match(damage.message, /at the end of the log: acknowledged entries are lost/);
  await close(await LevelLogStore.rebuild(optionsFor(folder), damage));
  await close(await LevelLogStore.open(optionsFor(folder)));
});

test("diskError() finds nothing on a disk that works", async (context) => {
  const folder = await temporaryFolder(context);
  await prepare(folder);
  const files = await readdir(folder);
  assert.equal(await diskError(folder), undefined);
  assert.deepEqual(await readdir(folder), files);
  const gone = (await diskError(join(folder, "gone"))) as NodeJS.ErrnoException | undefined;
  assert.equal(gone?.code, "ENOENT");
});

test("open() tells files that are damaged from a disk that fails", async (context) => {
  const folder = await temporaryFolder(context);
  await prepare(folder);
  await rename(join(folder, "meta", "CURRENT"), join(folder, "meta", "LOST"));
  const damage = await failureOf(folder);
  assert.deepEqual(
    [damage.name, (damage as { record?: string }).record],
    ["LogDamagedError", "the database"],
  );
});
