/**
 * A repaired log is the undamaged one, and a crash at any point of the repair loses neither.
 */
import assert from "node:assert/strict";
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { Prng } from "@atoll/stdx";
import { finishRepair } from "./finish-repair.ts";
import { segmentName, segmentNumbers } from "./log-folder.ts";
import { repairLog } from "./repair-log.ts";
import {
  compactedFolder,
  damageOf,
  type DamagedFolder,
  fillFrom,
  folderOf,
  openIn,
  salvaged,
} from "./testing/damaged-folder.ts";
import { entry, readWholeSnapshot, seedOf, temporaryFolder, write } from "./testing/harness.ts";
import { randomHistory } from "./testing/log-history.ts";
import { changeRecords, flipBit } from "./testing/segment-change.ts";
import { verifyLogFolder } from "./verify-log.ts";

/** Repairs the log with a peer that has all of it. */
async function repair({ folder, model }: DamagedFolder): Promise<string> {
  const damage = await damageOf(folder);
  await using log = await salvaged(folder);
  fillFrom(log, model);
  return (await repairLog(log, damage)).putAside;
}

async function assertWhole(made: DamagedFolder): Promise<void> {
  assert.equal((await verifyLogFolder(made.folder)).verdict, "whole");
  await assertOpens(made);
}

async function assertOpens({ folder, model }: DamagedFolder): Promise<void> {
  const { store, recovered } = await openIn(folder);
  assert.equal(model.difference(recovered), undefined);
  assert.equal(recovered.standing, "whole");
  assert.equal(recovered.firstIndex, model.begin.index + 1);
  if (model.snapshot.sizeBytes > 0) {
    const content = await readWholeSnapshot(store, model.snapshot, 100_000);
    assert.equal(Buffer.compare(content, model.content), 0);
  }
  await store[Symbol.asyncDispose]();
}

/** A log of which a record in the middle is bad. */
async function damaged(context: TestContext): Promise<DamagedFolder> {
  const made = await folderOf(context, randomHistory(new Prng(7), 30));
  await changeRecords(made.folder, (records) => flipBit(records, records.size >> 1, 60));
  return made;
}

test("repairLog() makes any salvaged log what it was", async (context) => {
  const prng = new Prng(seedOf(context));
  for (let round = 0; round < 5; round += 1) {
    const made = await folderOf(context, randomHistory(prng, 30));
    const { folder, model } = made;
    await changeRecords(folder, (records) => {
      flipBit(records, prng.between(1, records.size - 1), 60);
    });
    const kept = await repair(made);
    assert.deepEqual((await readdir(dirname(folder))).toSorted(), ["raft", basename(kept)]);
    await assertWhole(made);
    // It goes on, is damaged and repaired again.
    const { store } = await openIn(folder);
    for (let count = 0; count < 2; count += 1) {
      const { index } = model.last;
      const what = { entries: [entry(index + 1, model.hardState.term)] };
      model.write(what);
      await write(store, what);
    }
    await store[Symbol.asyncDispose]();
    await assertWhole(made);
    await changeRecords(folder, (records) => {
      flipBit(records, Math.min(...records.keys()) + prng.below(2), 60);
    });
    await repair(made);
    await assertWhole(made);
  }
});

test("repairLog() keeps the snapshot and where the log begins", async (context) => {
  const made = await compactedFolder(context, 11);
  const { firstIndex } = await recoveredOf(made.folder);
  await changeRecords(made.folder, (records) => {
    const sequences = [...records.keys()];
    flipBit(records, sequences.at(-3) as number, 60);
  });
  const before = { ...made.model.begin };
  made.model.begin = made.model.positionAt(firstIndex - 1);
  made.model.entries = made.model.entries.slice(firstIndex - 1 - before.index);
  assert.ok(firstIndex > 1);
  await repair(made);
  await assertWhole(made);
});

async function recoveredOf(folder: string): Promise<{ readonly firstIndex: number }> {
  const { store, recovered } = await openIn(folder);
  await store[Symbol.asyncDispose]();
  return recovered;
}

test("repairLog() writes as many records as the entries need", async (context) => {
  const log = [1, 1, 2, 3, 3].map((term, at) => entry(at + 1, term, `${term}`.repeat(600_000)));
  const history = log.map((each, at) => ({
    entries: [each],
    hardState: { term: each.term, vote: 1, commit: at },
    log: log.slice(0, at + 1),
  }));
  const made = await folderOf(context, history);
  await changeRecords(made.folder, (records) => flipBit(records, 3, 60));
  await repair(made);
  const records: number[] = [];
  await changeRecords(made.folder, (all) => records.push(...all.keys()));
  assert.deepEqual(records, [6, 7, 8, 9, 10]);
  await assertWhole(made);
});

test("repairLog() fills in a whole segment whose header is bad", async (context) => {
  const made = await folderOf(context, randomHistory(new Prng(5), 40), 1_500);
  const numbers = segmentNumbers(await readdir(made.folder));
  assert.ok(numbers.length >= 3, `${numbers.length} segments`);
  const path = join(made.folder, segmentName(2));
  const bytes = await readFile(path);
  bytes[8] = (bytes[8] as number) ^ 0x10;
  await writeFile(path, bytes);
  assert.equal((await damageOf(made.folder)).record, "segment 2");
  await repair(made);
  await assertWhole(made);
});

test("a crash at any boundary of a repair leaves one log or the other", async (context) => {
  const made = await damaged(context);
  const { folder } = made;
  const parent = dirname(folder);
  const work = join(await temporaryFolder(context), "work");
  const [old, done] = [join(work, "old"), join(work, "done")];
  await mkdir(work);
  await cp(folder, old, { recursive: true });
  await repair(made);
  await rename(folder, done);
  const half = join(work, "half");
  await cp(done, half, { recursive: true });
  await rm(join(half, "durable-marker"));
  /** What lies beside one another at the crash, by name, and which of them is the log then. */
  const boundaries: readonly (readonly [string, Record<string, string>, "old" | "done"])[] = [
    ["nothing is written", { raft: old, "raft.meta": half }, "old"],
    ["some of it is written", { raft: old, "raft.repairing": half }, "old"],
    ["all of it is written", { raft: old, "raft.repairing": done }, "old"],
    ["it is finished", { raft: old, "raft.repaired": done }, "old"],
    ["the damaged one is aside", { "raft.damaged-000001": old, "raft.repaired": done }, "done"],
    ["it has its name", { "raft.damaged-000001": old, raft: done }, "done"],
  ];
  for (const [name, folders, wanted] of boundaries) {
    for (const each of await readdir(parent)) await rm(join(parent, each), { recursive: true });
    for (const [target, source] of Object.entries(folders)) {
      await cp(source, join(parent, target), { recursive: true });
    }
    await finishRepair(folder);
    const names = await readdir(parent);
    assert.deepEqual(
      names.filter((each) => !/^raft(?:\.damaged-[0-9]+)?$/.test(each)),
      [],
      name,
    );
    if (wanted === "old") await repair(made);
    await assertWhole(made);
  }
});

test("open() ends a repair that a crash cut off, and founds no log instead", async (context) => {
  const made = await damaged(context);
  await repair(made);
  await rename(made.folder, `${made.folder}.repaired`);
  await assertOpens(made);
  assert.ok((await readdir(dirname(made.folder))).includes("raft"));
});

test("a repair needs room nowhere but beside the log", async (context) => {
  const made = await damaged(context);
  const { TMPDIR } = process.env;
  context.after(() => {
    if (TMPDIR === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = TMPDIR;
  });
  process.env["TMPDIR"] = join(made.folder, "none");
  await repair(made);
  await assertOpens(made);
});

test("a repaired log does not take the damaged one's state for its own", async (context) => {
  const made = await damaged(context);
  const kept = await repair(made);
  await rm(join(made.folder, "meta"), { recursive: true });
  await cp(join(kept, "meta"), join(made.folder, "meta"), { recursive: true });
  assert.equal((await damageOf(made.folder)).record, "the state");
});

test("a finished log does not come back for one that was removed", async (context) => {
  const made = await damaged(context);
  const { folder } = made;
  await cp(folder, `${folder}.repaired`, { recursive: true });
  await finishRepair(folder);
  await rm(folder, { recursive: true });
  await finishRepair(folder);
  assert.deepEqual(await readdir(dirname(folder)), []);
});

test("repairLog() refuses while entries are missing", async (context) => {
  const { folder } = await damaged(context);
  const damage = await damageOf(folder);
  await using log = await salvaged(folder);
  assert.ok(log.missing.length > 0);
  await assert.rejects(repairLog(log, damage), { name: "Bug" });
  assert.deepEqual(await readdir(dirname(folder)), ["raft"]);
});
