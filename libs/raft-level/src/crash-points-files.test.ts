/**
 * The store is killed, or loses power, between any two changes of its real files and within each.
 *
 * One script of every kind of call runs on a real folder while all that changes the disk is
 * recorded. Then the folder is laid anew as a crash leaves it after each beginning of the record,
 * and opened.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { RecoveredLog } from "@atoll/raft-replica";
import type { LevelLogStoreOptions } from "./level-log-options.ts";
import { LevelLogStore, type OpenedStore } from "./level-log-store.ts";
import { DiskImage } from "./testing/disk-image.ts";
import { entries, temporaryFolder, write } from "./testing/harness.ts";
import { type DiskChange, recordDisk } from "./testing/recorded-disk.ts";
import { type CrashPoint, FOLDER, optionsFor, RecordedLog } from "./testing/recorded-log.ts";
import { tornChanges } from "./testing/torn-changes.ts";

/** A snapshot of two chunks, and one of more than are written at once. */
const SMALL_BYTES = 300_000;
const LARGE_BYTES = 1_100_000;
/** So many folders are looked at side by side: opening one mostly waits. */
const CHECKS_MAX = 8;
/** What is only read back needs no disk below it, where there is a folder in memory. */
const CRASHED_PARENT = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** What opening came to: as acknowledged, also behind a torn end, or what is to be rebuilt. */
type Found = "opened" | "torn" | "damaged";

/** Every kind of call, some of them together. */
async function runScript(log: RecordedLog): Promise<void> {
  await log.open();
  await log.write({ standing: "founded", hardState: { term: 1, vote: 2, commit: 0 } });
  for (let at = 0; at < 8; at += 1) await log.append(1 + 6 * at, 6, 1);
  await log.append(45, 6, 2);
  await log.write({ hardState: { term: 3, vote: 1, commit: 40 } });
  await Promise.all([51, 57, 63, 69].map((from) => log.append(from, 6, 3)));
  await log.save(30, 1, Buffer.alloc(SMALL_BYTES, 7));
  await log.compact(30);
  // The next segments take the space of the first.
  await log.spared();
  for (let at = 0; at < 4; at += 1) await log.append(75 + 6 * at, 6, 3);
  await log.close();
  await log.tearEnd();
  await log.open();
  await log.save(98, 3, Buffer.alloc(5000, 8));
  await log.compact(98);
  for (let at = 0; at < 6; at += 1) await log.append(99 + 6 * at, 6, 4);
  await log.install(200, 5, Buffer.alloc(LARGE_BYTES, 9));
  for (let at = 0; at < 12; at += 1) await log.append(201 + 6 * at, 6, 6);
  await log.write({ hardState: { term: 7, vote: 3, commit: 250 }, standing: "whole" });
  await log.close();
  await log.damageAndRepair();
  for (let at = 0; at < 8; at += 1) await log.append(273 + 6 * at, 6, 7);
  await log.close();
  await log.damageAndRebuild();
  for (let at = 0; at < 3; at += 1) await log.append(1 + 6 * at, 6, 7);
  await log.write({ hardState: { term: 7, vote: 2, commit: 18 }, standing: "whole" });
  await log.close();
  log.changed(undefined);
}

async function record(context: TestContext): Promise<readonly CrashPoint[]> {
  const root = await temporaryFolder(context);
  const log = new RecordedLog(join(root, FOLDER));
  const restore = recordDisk(root, (change) => log.changed(change));
  try {
    await runScript(log);
  } finally {
    restore();
  }
  return log.points;
}

/** Undefined when the log is one of those that it may be. */
function difference(point: CrashPoint, recovered: RecoveredLog): string | undefined {
  const differences = point.outcomes.map(({ model, standing }) =>
    recovered.standing === standing
      ? model.difference(recovered)
      : `standing ${recovered.standing}, not ${standing}`,
  );
  return differences.includes(undefined) ? undefined : differences.join("; ");
}

/** What was repaired takes another entry and keeps it. */
async function goOn(options: LevelLogStoreOptions): Promise<void> {
  const { store, recovered } = await LevelLogStore.open(options);
  const term = Math.max(1, recovered.hardState.term);
  const index = recovered.last.index + 1;
  const hardState = { ...recovered.hardState, term };
  await write(store, { entries: entries(index, 1, term), hardState });
  await store[Symbol.asyncDispose]();
  const again = await closed(LevelLogStore.open(options));
  assert.deepEqual(again.recovered.last, { index, term });
}

/** What is lost with a crash: all names that are not durable, or all but the newest. */
type Loss = "nothing" | "unsynced" | "olderNames";

/** Opens what a crash left, as it is now; the image may change meanwhile. */
async function check(image: DiskImage, point: CrashPoint, loss: Loss): Promise<Found> {
  const root = mkdtempSync(join(CRASHED_PARENT, "raft-crash-"));
  const options = optionsFor(join(root, FOLDER));
  if (loss === "olderNames") image.layNewestName(root);
  else image.lay(root);
  const damaged = point.damage === "there" || (point.damage === "aside" && loss === "unsynced");
  const mayBeDamaged = damaged || (point.damage === "aside" && loss === "olderNames");
  try {
    const opened = await closed(LevelLogStore.open(options)).catch((error: unknown) => error);
    if (!(opened instanceof Error)) {
      assert.ok(!damaged, "damage is found");
      const { recovered, tornSequence } = opened as OpenedStore;
      assert.equal(difference(point, recovered), undefined);
      if (tornSequence === undefined) return "opened";
      if (loss === "nothing") await goOn(options);
      return "torn";
    }
    if (!mayBeDamaged) throw opened;
    const { recovered } = await closed(LevelLogStore.rebuild(options, opened));
    assert.equal(recovered.standing, "recovering");
    return "damaged";
  } finally {
    await rm(root, { recursive: true });
  }
}

async function closed<Opened extends OpenedStore>(opening: Promise<Opened>): Promise<Opened> {
  const opened = await opening;
  await opened.store[Symbol.asyncDispose]();
  return opened;
}

/** Checks what each crash leaves, and counts what was found. */
async function checkAll(
  points: readonly CrashPoint[],
  losesPower: boolean,
): Promise<Record<Found, number>> {
  const image = new DiskImage(losesPower);
  const checks = new Set<Promise<void>>();
  const counts = { opened: 0, torn: 0, damaged: 0 };
  const failures: Error[] = [];
  let levelBefore: DiskChange | undefined;
  let checked = "";
  for (const [at, point] of points.entries()) {
    const { change } = point;
    const crash = async (words: string, loss: Loss): Promise<void> => {
      const running = check(image, point, loss)
        .then(
          (found) => {
            counts[found] += 1;
          },
          (cause: unknown) => {
            const what = change === undefined ? "the end" : `${change.type} ${change.path}`;
            const where = `change ${at}, during ${point.during}`;
            failures.push(new Error(`crash ${words} ${what}, ${where}: ${cause}`, { cause }));
          },
        )
        .finally(() => checks.delete(running));
      checks.add(running);
      if (checks.size >= CHECKS_MAX) await Promise.race(checks);
      if (failures[0] !== undefined) throw failures[0];
    };
    const crashes = async (words: string): Promise<void> => {
      if (image.hasOlderNames) await crash(`with a newer name ${words}`, "olderNames");
      // Where neither the disk nor what it owes has changed there is nothing new to see.
      const now = `${image.version} ${point.acknowledged} ${point.outcomes.length} ${point.damage}`;
      if (now === checked) return;
      checked = now;
      await crash(words, losesPower ? "unsynced" : "nothing");
    };
    await crashes("before");
    for (const torn of tornChanges(change, levelBefore)) {
      image.apply(torn);
      await crashes("within");
    }
    if (change !== undefined) image.apply(change);
    if (change?.type === "level") levelBefore = change;
  }
  await Promise.all(checks);
  if (failures[0] !== undefined) throw failures[0];
  return counts;
}

for (const [name, losesPower] of [
  ["a kill", false],
  ["a loss of power", true],
] as const) {
  test(`${name} at any change of the files leaves what was acknowledged`, async (context) => {
    const points = await record(context);
    const kinds = new Set(points.map(({ change }) => change?.type));
    assert.equal(kinds.size, 9, `the script reaches every kind: ${[...kinds].join()}`);
    const counts = await checkAll(points, losesPower);
    context.diagnostic(`${points.length} changes: ${JSON.stringify(counts)}`);
    assert.ok(counts.opened > 100);
    assert.ok(counts.torn > 30 && counts.damaged > 0);
  });
}
