/**
 * A log on recorded files, with what a crash at any moment may leave of it, for tests.
 *
 * Takes the calls of a store, and notes before each change of the disk what was acknowledged by
 * then and what is under way.
 */
import assert from "node:assert/strict";
import { constants } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { LogWrite } from "@atoll/raft-replica";
import type { SnapshotMetadata, Standing } from "raft-ts";
import { LogDamagedError } from "../errors.ts";
import type { LevelLogStoreOptions } from "../level-log-options.ts";
import { LevelLogStore } from "../level-log-store.ts";
import { segmentName, segmentNumbers } from "../log-folder.ts";
import { repairLog } from "../repair-log.ts";
import { SegmentFile } from "../segment-file.ts";
import { FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES } from "../segment-frame.ts";
import { SegmentedDatabase } from "../segmented-database.ts";
import { fillFrom, salvaged } from "./damaged-folder.ts";
import {
  compact,
  entries,
  FOUNDING,
  FOUNDING_SNAPSHOT,
  IDENTITY,
  install,
  metadataOf,
  save,
  write,
} from "./harness.ts";
import { LogModel } from "./log-model.ts";
import type { DiskChange } from "./recorded-disk.ts";

/** The log's folder, below the recorded one. */
export const FOLDER = "raft";
/** A few records fill one. */
const SEGMENT_BYTES_MAX = 900;
const SPARE_MS_MAX = 10_000;

export interface Outcome {
  readonly model: LogModel;
  readonly standing: Standing;
}

/** The disk before a change, and what may be found on it. */
export interface CrashPoint {
  /** Undefined at the very end. */
  readonly change: DiskChange | undefined;
  readonly during: string;
  /** What was acknowledged, and what the calls under way will have done. */
  readonly outcomes: readonly Outcome[];
  /** How many calls were. */
  readonly acknowledged: number;
  /** The test itself has damaged the log; `aside` when it is put aside, not durably yet. */
  readonly damage: "none" | "there" | "aside";
}

export function optionsFor(folder: string): LevelLogStoreOptions {
  return {
    folder,
    identity: IDENTITY,
    founding: FOUNDING,
    newStanding: "blank",
    openDatabase: (path, { createIfMissing }) =>
      SegmentedDatabase.open(path, { createIfMissing, segmentBytesMax: SEGMENT_BYTES_MAX }),
  };
}

/** A store on recorded files, and what it must hold. */
export class RecordedLog {
  readonly points: CrashPoint[] = [];
  readonly folder: string;
  #store: LevelLogStore | undefined;
  #outcome: Outcome = { model: new LogModel(FOUNDING_SNAPSHOT), standing: "blank" };
  /** Of the calls under way, in their order: what each passes through, and comes to. */
  readonly #next: (readonly Outcome[])[] = [];
  #acknowledged = 0;
  #during = "";
  #damage: CrashPoint["damage"] = "none";

  constructor(folder: string) {
    this.folder = folder;
  }

  changed(change: DiskChange | undefined): void {
    this.points.push({
      change,
      during: this.#during,
      outcomes: [this.#outcome, ...this.#next.flat()],
      acknowledged: this.#acknowledged,
      damage: this.#damage,
    });
    if (change?.type === "rename" && change.path === FOLDER) this.#damage = "aside";
    const isKept = change?.type === "sync" && change.path === "";
    if (isKept && this.#damage === "aside") this.#damage = "none";
  }

  async open(): Promise<void> {
    this.#during = "open";
    this.#store = (await LevelLogStore.open(optionsFor(this.folder))).store;
  }

  async close(): Promise<void> {
    this.#during = "close";
    await this.#store?.[Symbol.asyncDispose]();
  }

  write(what: LogWrite): Promise<void> {
    const change = (model: LogModel): void => model.write(what);
    return this.#call("write", change, (store) => write(store, what), what.standing);
  }

  append(from: number, count: number, term: number): Promise<void> {
    const { commit } = this.#lastOutcome.model.hardState;
    const hardState = { term, vote: 1 + (term % 3), commit };
    return this.write({ entries: entries(from, count, term), hardState });
  }

  save(index: number, term: number, content: Uint8Array): Promise<void> {
    const metadata: SnapshotMetadata = metadataOf(index, term, content);
    const change = (model: LogModel): void => model.saveSnapshot(metadata, content);
    return this.#call("save", change, (store) => save(store, metadata, [content]));
  }

  install(index: number, term: number, content: Uint8Array): Promise<void> {
    const metadata: SnapshotMetadata = metadataOf(index, term, content);
    const hardState = { term, vote: 0, commit: index };
    const change = (model: LogModel): void => model.install(metadata, content, hardState);
    const run = (store: LevelLogStore): Promise<void> =>
      install(store, metadata, [content], hardState);
    return this.#call("install", change, run);
  }

  compact(through: number): Promise<void> {
    const change = (model: LogModel): void => model.compact(through);
    return this.#call("compact", change, (store) => compact(store, through));
  }

  /** Waits until a compacted segment has left its space to another. */
  async spared(): Promise<void> {
    const deadlineMs = performance.now() + SPARE_MS_MAX;
    const isSpare = ({ change }: CrashPoint): boolean =>
      change?.type === "rename" && change.to.includes("spare-");
    while (!this.points.some(isSpare)) {
      assert.ok(performance.now() < deadlineMs, "a segment is spared in time");
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
  }

  /** Leaves a record that makes no sense at the end of a closed log, as a crash may. */
  async tearEnd(): Promise<void> {
    this.#during = "tear";
    const names = await readdir(this.folder);
    for (const number of segmentNumbers(names).toReversed()) {
      const segment = await SegmentFile.open(join(this.folder, segmentName(number)), number, "rw");
      const { last } = segment;
      if (last !== undefined) await segment.append(last + 1, Buffer.alloc(50, 1));
      await segment.close();
      if (last !== undefined) return;
    }
  }

  /** Flips a bit of a record in the middle, and has the log rebuilt. */
  async damageAndRebuild(): Promise<void> {
    const damage = await this.#damageMiddle();
    this.#during = "rebuild";
    const { term } = this.#outcome.model.hardState;
    // A stop between the two leaves a blank folder.
    this.#outcome = { model: new LogModel(FOUNDING_SNAPSHOT), standing: "blank" };
    this.#next.push([recovering(term)]);
    const rebuilt = await LevelLogStore.rebuild(optionsFor(this.folder), damage);
    assert.equal(rebuilt.term, term);
    this.#store = rebuilt.store;
    this.#acknowledge();
  }

  /** Flips a bit of a record in the middle, and has the log repaired by a peer that has it all. */
  async damageAndRepair(): Promise<void> {
    const damage = await this.#damageMiddle();
    this.#during = "repair";
    assert.ok(damage instanceof LogDamagedError);
    await using log = await salvaged(this.folder);
    assert.ok(log.missing.length > 0);
    fillFrom(log, this.#outcome.model);
    await repairLog(log, damage);
    await this.open();
  }

  get #lastOutcome(): Outcome {
    return this.#next.at(-1)?.at(-1) ?? this.#outcome;
  }

  /** Gives what opening says of it. */
  async #damageMiddle(): Promise<Error> {
    this.#during = "damage";
    const number = segmentNumbers(await readdir(this.folder)).at(-3) as number;
    const flags = constants.O_RDWR | constants.O_DSYNC;
    const file = await open(join(this.folder, segmentName(number)), flags);
    const byte = Buffer.alloc(1);
    const at = SEGMENT_HEADER_BYTES + FRAME_HEADER_BYTES + 100;
    await file.read(byte, 0, 1, at);
    byte[0] = (byte[0] as number) ^ 0x10;
    await file.write(byte, 0, 1, at);
    await file.close();
    this.#damage = "there";
    return await failureOf(this.folder);
  }

  #acknowledge(): void {
    this.#outcome = this.#next.shift()?.at(-1) as Outcome;
    this.#acknowledged += 1;
  }

  async #call(
    name: string,
    change: (model: LogModel) => void,
    run: (store: LevelLogStore) => Promise<void>,
    standing?: Standing,
  ): Promise<void> {
    const before = this.#lastOutcome;
    const model = before.model.copy();
    change(model);
    // A new standing follows the rest of its write.
    const written = { model, standing: before.standing };
    this.#next.push(standing === undefined ? [written] : [written, { model, standing }]);
    this.#during = name;
    await run(this.#store as LevelLogStore);
    this.#acknowledge();
  }
}

function recovering(term: number): Outcome {
  const model = new LogModel(FOUNDING_SNAPSHOT);
  model.hardState = { term, vote: 0, commit: 0 };
  return { model, standing: "recovering" };
}

/** Why the log in `folder` cannot be opened. */
export async function failureOf(folder: string): Promise<Error> {
  const found = await LevelLogStore.open(optionsFor(folder)).catch((error: unknown) => error);
  assert.ok(found instanceof Error, "damage is found");
  return found;
}
