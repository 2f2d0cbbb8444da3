/**
 * Closed logs in real folders, to be damaged, salvaged and repaired by tests.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Prng } from "@atoll/stdx";
import type { LogDamagedError } from "../errors.ts";
import { LevelLogStore, type OpenedStore } from "../level-log-store.ts";
import { salvageLog } from "../salvage-log.ts";
import type { SalvagedLog } from "../salvaged-log.ts";
import { SegmentedDatabase } from "../segmented-database.ts";
import { compact, FOUNDING, FOUNDING_SNAPSHOT, IDENTITY, metadataOf } from "./harness.ts";
import { save, temporaryFolder, write } from "./harness.ts";
import { type HistoryStep, randomHistory } from "./log-history.ts";
import { LogModel } from "./log-model.ts";

export interface DamagedFolder {
  /** The folder of the log; there is nothing else beside it. */
  readonly folder: string;
  readonly model: LogModel;
}

export function openIn(folder: string): Promise<OpenedStore> {
  return LevelLogStore.open({ folder, identity: IDENTITY, founding: FOUNDING });
}

/** A log with this history, one record for each step that changes anything, closed. */
export async function folderOf(
  context: TestContext,
  history: readonly HistoryStep[],
  segmentBytesMax?: number,
): Promise<DamagedFolder> {
  const folder = join(await temporaryFolder(context), "raft");
  const { store } = await LevelLogStore.open({
    folder,
    identity: IDENTITY,
    founding: FOUNDING,
    openDatabase: (path, { createIfMissing }) =>
      SegmentedDatabase.open(path, {
        createIfMissing,
        ...(segmentBytesMax === undefined ? {} : { segmentBytesMax }),
      }),
  });
  const model = new LogModel(FOUNDING_SNAPSHOT);
  for (const { entries, hardState } of history) {
    model.write({ entries, hardState });
    await write(store, { entries, hardState });
  }
  await store[Symbol.asyncDispose]();
  return { folder, model };
}

/** One with a snapshot, whose first records are compacted. */
export async function compactedFolder(context: TestContext, seed: number): Promise<DamagedFolder> {
  const { folder, model } = await folderOf(context, randomHistory(new Prng(seed), 40));
  const { store } = await openIn(folder);
  const { index, term } = model.positionAt(Math.floor(model.hardState.commit / 2));
  const content = Buffer.alloc(600_000, 7);
  await save(store, metadataOf(index, term, content), [content]);
  model.saveSnapshot(metadataOf(index, term, content), content);
  await compact(store, index);
  model.compact(index);
  await store[Symbol.asyncDispose]();
  return { folder, model };
}

/** What opening says of the folder. */
export async function damageOf(folder: string): Promise<LogDamagedError> {
  const outcome = await openIn(folder).catch((error: unknown) => error as LogDamagedError);
  assert.ok("code" in outcome && outcome.code === "LOG_DAMAGED", "the log can be opened");
  return outcome;
}

export async function salvaged(folder: string): Promise<SalvagedLog> {
  const salvage = await salvageLog(folder, IDENTITY);
  assert.ok(salvage.type === "salvaged", salvage.type === "lost" ? salvage.reason : "");
  return salvage.log;
}

/** Fills everything in, as a peer with the undamaged log would. */
export function fillFrom(log: SalvagedLog, model: LogModel): void {
  for (const { from, to } of log.missing) {
    const entries = model.between(from, to + 1);
    assert.equal(log.fill(entries, model.positionAt(from - 1).term), undefined);
  }
}
