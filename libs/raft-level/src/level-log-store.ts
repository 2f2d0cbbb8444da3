/**
 * A durable Raft log that notices when its disk lies.
 *
 * Each fsync writes one packed record with checksums and the hash of the record before it, the hard
 * state included, so that neither entries nor a vote can vanish unseen. Writes that arrive while an
 * fsync is under way go out together with the next (group commit); there is no timer, so a lone
 * write waits for its own fsync only. A failure of the disk ends the store for good: nothing is
 * ever written twice, every later call fails. Called by the driver of a replica through the port
 * `LogStore`; opened by the composition root.
 */
import { hash } from "node:crypto";
import { assert, Bug } from "@atoll/stdx";
import type { Done, EntryRange, LogStore, LogWrite, RecoveredLog } from "@atoll/raft-replica";
import type { HardState, SnapshotMetadata, Standing } from "raft-ts";
import type { Database, KeyRange } from "./database.ts";
import type { DurableMarker } from "./durable-marker.ts";
import { CompactedError, concernsOneCall, LogDamagedError, StoreClosedError } from "./errors.ts";
import { recordKey, snapshotRange, STATE_KEY } from "./keys.ts";
import type { LevelLogStatistics, LevelLogStoreOptions } from "./level-log-options.ts";
import { LogReader, type ReadRange } from "./log-reader.ts";
import { mergeWrites } from "./merge-writes.ts";
import { type LogBeginning, openLog, type OpenedLog } from "./open-log.ts";
import { putAside } from "./put-aside.ts";
import { encodeRecord, HASH_BYTES, recordBytes } from "./record.ts";
import { RecordBuffer } from "./record-buffer.ts";
import { RecordIndex, type RecordSpan } from "./record-index.ts";
import { SegmentedDatabase } from "./segmented-database.ts";
import { readChunks, writeChunks } from "./snapshot-chunks.ts";
import { encodeState, type StoreState } from "./store-state.ts";
import { toFailure, WriteLane } from "./write-lane.ts";

export interface OpenedStore {
  readonly store: LevelLogStore;
  readonly recovered: RecoveredLog;
  /**
   * The number of a record that a crash cut off and opening removed. Nobody had been told that it
   * was durable.
   */
  readonly tornSequence: number | undefined;
  /** Why the log is not whole, in words; empty when it is. */
  readonly reason: string;
}

export interface RebuiltStore extends OpenedStore {
  /** What was damaged. */
  readonly record: string;
  /** Where the damaged folder is now. */
  readonly putAside: string;
  /** The highest term that could still be read out of it; 0 when none could. */
  readonly term: number;
}

type LogBegin = Pick<StoreState, "firstSequence" | "previousHash" | "position" | "hardState">;

const TAIL_BYTES_MAX = 16 * 1024 * 1024;

export class LevelLogStore implements LogStore, AsyncDisposable {
  readonly #database: Database;
  readonly #marker: DurableMarker;
  readonly #identity: Uint8Array;
  readonly #lane: WriteLane;
  readonly #reader: LogReader;
  #state: StoreState;
  #index: RecordIndex;
  #hardState: HardState;
  #lastSequence: number;
  #lastHash: Uint8Array;
  /** The last index once everything started is done. */
  #startedLast: number;
  #snapshotIds: number;
  readonly #buffer = new RecordBuffer();
  /** Snapshots being written and ranges being removed; one after the other, beside the lane. */
  #background: Promise<void> = Promise.resolve();
  #statistics = { records: 0, entries: 0, bytes: 0 };

  private constructor(opened: OpenedLog, failLater: { fail: (error: Error) => void }) {
    this.#database = opened.database;
    this.#marker = opened.marker;
    this.#identity = opened.identity;
    this.#state = opened.state;
    this.#index = opened.recovery.index;
    this.#hardState = opened.recovery.recovered.hardState;
    this.#lastSequence = opened.recovery.lastSequence;
    this.#lastHash = opened.recovery.lastHash;
    this.#startedLast = this.#index.last.index;
    this.#snapshotIds = opened.state.snapshot.id;
    this.#reader = new LogReader(this.#database, this.#identity, () => this.#state.firstSequence);
    this.#lane = new WriteLane({
      commit: (writes) => this.#commit(writes),
      harmless: concernsOneCall,
    });
    failLater.fail = (error) => this.#lane.fail(toFailure(error));
  }

  /**
   * Opens or founds the log in `folder` and verifies all of it.
   * @throws FolderLockedError when another process has it open.
   * @throws ForeignLogError when it belongs to another group, replica or format.
   * @throws LogDamagedError when something that was durable is missing or altered.
   * @throws StorageFailedError when the disk fails.
   */
  static open(options: LevelLogStoreOptions): Promise<OpenedStore> {
    const standing = options.newStanding ?? "whole";
    const reason = standing === "blank" ? "its folder was blank" : "";
    return LevelLogStore.#open(options, { standing, term: 0, reason });
  }

  /**
   * Answers a damaged log: puts its folder aside beside the old place, unchanged, and founds a
   * blank log that knows it is recovering, in the highest term that the old one still shows. Keeps
   * the newest three such folders. Call it with the error that `open` threw.
   * @throws what `open` throws, and `damage` itself when a new log would be no answer to it.
   */
  static async rebuild(options: LevelLogStoreOptions, damage: Error): Promise<RebuiltStore> {
    const put = await putAside(options.folder, damage);
    const reason = `${damage.message}; its folder is kept as ${put.folder}`;
    const beginning = { standing: "recovering" as const, term: put.term, reason };
    const opened = await LevelLogStore.#open(options, beginning);
    return { ...opened, record: put.record, putAside: put.folder, term: put.term };
  }

  static async #open(options: LevelLogStoreOptions, beginning: LogBeginning): Promise<OpenedStore> {
    const failLater = { fail: (_error: Error): void => {} };
    const opened = await openLog({
      folder: options.folder,
      identity: options.identity,
      founding: options.founding,
      beginning,
      tailBytesMax: options.tailBytesMax ?? TAIL_BYTES_MAX,
      openDatabase: options.openDatabase ?? SegmentedDatabase.open,
      markerFailed: (error) => failLater.fail(error),
    });
    const store = new LevelLogStore(opened, failLater);
    const { recovered, tornSequence } = opened.recovery;
    const { reason } = opened.state;
    return { store, recovered, tornSequence, reason };
  }

  get statistics(): LevelLogStatistics {
    return { ...this.#statistics };
  }

  write(write: LogWrite, done: Done): void {
    const entries = write.entries ?? [];
    const first = entries[0];
    if (first !== undefined && this.#lane.failure === undefined) {
      assert(first.index <= this.#startedLast + 1, `a gap before entry ${first.index}`);
      this.#startedLast = first.index + entries.length - 1;
    }
    const { standing } = write;
    if (standing === undefined) this.#lane.write(write, done);
    else this.#lane.exclusive(() => this.#writeWithStanding(write, standing), done);
  }

  readEntries(
    range: ReadRange,
    done: (error: Error | undefined, range: EntryRange | undefined) => void,
  ): void {
    this.#read(() => this.#reader.range(this.#index, range), done);
  }

  /**
   * Makes a snapshot of the own state durable beside the log. Once a newer one is there this does
   * nothing. Fails with `SNAPSHOT_MISMATCH`, and changes nothing, when the bytes do not fit
   * `metadata`.
   */
  saveSnapshot(metadata: SnapshotMetadata, chunks: readonly Uint8Array[], done: Done): void {
    const id = this.#nextSnapshotId();
    this.#inBackground(() => writeChunks(this.#database, id, metadata, chunks)).then(
      () => this.#lane.exclusive(() => this.#takeOwnSnapshot(id, metadata), done),
      (error: unknown) => done(this.#failedWith(error)),
    );
  }

  installSnapshot(
    metadata: SnapshotMetadata,
    chunks: readonly Uint8Array[],
    hardState: HardState,
    done: Done,
  ): void {
    const id = this.#nextSnapshotId();
    this.#startedLast = metadata.index;
    this.#lane.exclusive(() => this.#install(id, metadata, chunks, hardState), done);
  }

  /** Reads the snapshot at `index`; fails with `COMPACTED` once a newer one has taken its place. */
  readSnapshot(
    range: { readonly index: number; readonly offset: number; readonly maxBytes: number },
    done: (error: Error | undefined, chunk: Uint8Array | undefined) => void,
  ): void {
    this.#read(() => this.#readSnapshotBytes(range), done);
  }

  compact(through: number, done: Done): void {
    this.#lane.exclusive(() => this.#compact(through), done);
  }

  /** Lets everything that was started finish, then closes. Later calls fail with `STORE_CLOSED`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lane.idle();
    await this.#background;
    await this.#lane.idle();
    this.#lane.fail(new StoreClosedError("the log store was closed"));
    await this.#background;
    await this.#marker[Symbol.asyncDispose]();
    await this.#database.close();
  }

  async #commit(writes: readonly LogWrite[]): Promise<void> {
    const { hardState = this.#hardState, entries } = mergeWrites(writes);
    const { term, vote, commit } = this.#hardState;
    const unchanged =
      hardState.term === term && hardState.vote === vote && hardState.commit === commit;
    if (unchanged && entries.length === 0) return;
    assert(hardState.term >= this.#hardState.term, `term ${hardState.term} goes back`);
    const sequence = this.#lastSequence + 1;
    const firstIndex = entries[0]?.index ?? this.#index.last.index + 1;
    const previousTerm = this.#index.termAt(firstIndex - 1);
    const record = this.#buffer.take(recordBytes(entries));
    const header = { sequence, firstIndex, previousTerm, hardState, previousHash: this.#lastHash };
    const recordHash = encodeRecord(record, this.#identity, header, entries);
    await this.#database.put(recordKey(sequence), record);
    this.#lastSequence = sequence;
    this.#lastHash = recordHash;
    this.#hardState = hardState;
    if (entries.length > 0) this.#index.append(sequence, entries);
    this.#statistics.records += 1;
    this.#statistics.entries += entries.length;
    this.#statistics.bytes += record.length;
    this.#advanceMarker();
  }

  /** The standing follows the record: a crash between them leaves the log recovering. */
  async #writeWithStanding(write: LogWrite, standing: Standing): Promise<void> {
    await this.#commit([write]);
    await this.#changeState({ ...this.#state, standing, reason: "" });
  }

  async #takeOwnSnapshot(id: number, metadata: SnapshotMetadata): Promise<void> {
    const { snapshot } = this.#state;
    if (id < snapshot.id || metadata.index <= snapshot.metadata.index) {
      this.#removeLater(snapshotRange(id, id + 1));
      return;
    }
    assert(
      metadata.index <= this.#index.last.index,
      `a snapshot at ${metadata.index} beyond the log`,
    );
    await this.#changeState({ ...this.#state, snapshot: { id, metadata } });
    this.#removeLater(snapshotRange(0, id));
  }

  async #install(
    id: number,
    metadata: SnapshotMetadata,
    chunks: readonly Uint8Array[],
    hardState: HardState,
  ): Promise<void> {
    assert(hardState.term >= this.#hardState.term, `term ${hardState.term} goes back`);
    await this.#inBackground(() => writeChunks(this.#database, id, metadata, chunks));
    const position = { index: metadata.index, term: metadata.term };
    const firstSequence = this.#lastSequence + 1;
    // A new beginning of the chain: no record of the log that is left behind can follow it.
    const beginning = hash(
      "sha256",
      Buffer.concat([this.#lastHash, Buffer.from(`${id}`)]),
      "buffer",
    );
    const lastHash = Uint8Array.from(beginning.subarray(0, HASH_BYTES));
    const previousHash = Buffer.from(lastHash).toString("hex");
    const snapshot = { id, metadata };
    await this.#changeState({
      ...this.#state,
      firstSequence,
      previousHash,
      position,
      hardState,
      snapshot,
    });
    this.#lastHash = lastHash;
    this.#hardState = hardState;
    this.#index = new RecordIndex(position);
    this.#reader.forget();
    this.#forgetLater(firstSequence);
    this.#removeLater(snapshotRange(0, id));
  }

  async #compact(wanted: number): Promise<void> {
    const through = Math.min(wanted, this.#state.snapshot.metadata.index, this.#index.last.index);
    if (through < this.#index.firstIndex) return;
    const span = this.#index.firstSpanAfter(through);
    if (span?.firstIndex === this.#index.firstIndex) return;
    const begin = span === undefined ? this.#endOfLog() : await this.#beginOf(span);
    await this.#changeState({ ...this.#state, ...begin });
    this.#index.dropThrough(begin.position);
    this.#forgetLater(begin.firstSequence);
  }

  #endOfLog(): LogBegin {
    const previousHash = Buffer.from(this.#lastHash).toString("hex");
    return {
      firstSequence: this.#lastSequence + 1,
      previousHash,
      position: this.#index.last,
      hardState: this.#hardState,
    };
  }

  async #beginOf(span: RecordSpan): Promise<LogBegin> {
    const record = await this.#reader.record(span.sequence);
    return {
      firstSequence: span.sequence,
      previousHash: Buffer.from(record.previousHash).toString("hex"),
      position: { index: record.firstIndex - 1, term: record.previousTerm },
      hardState: record.hardState,
    };
  }

  async #changeState(changed: StoreState): Promise<void> {
    const state = { ...changed, generation: this.#state.generation + 1 };
    await this.#database.put(STATE_KEY, encodeState(state));
    this.#state = state;
    this.#advanceMarker();
  }

  #advanceMarker(): void {
    this.#marker.advance({
      sequence: this.#lastSequence,
      generation: this.#state.generation,
      hash: this.#lastHash,
    });
  }

  async #readSnapshotBytes(range: {
    readonly index: number;
    readonly offset: number;
    readonly maxBytes: number;
  }): Promise<Uint8Array> {
    const { snapshot } = this.#state;
    const gone = new CompactedError(`the snapshot at ${range.index} is not there`);
    if (snapshot.metadata.index !== range.index) throw gone;
    const bytes = await readChunks(this.#database, snapshot, range.offset, range.maxBytes);
    if (bytes !== undefined) return bytes;
    if (this.#state.snapshot.id !== snapshot.id) throw gone;
    throw new LogDamagedError(`the snapshot at ${range.index}`, "a chunk is missing");
  }

  #read<T>(
    read: () => Promise<T>,
    done: (error: Error | undefined, value: T | undefined) => void,
  ): void {
    this.#lane.whenCaughtUp((failure) => {
      if (failure !== undefined) {
        done(failure, undefined);
        return;
      }
      read().then(
        (value) => done(this.#lane.failure, this.#lane.failure ? undefined : value),
        (error: unknown) => done(this.#failedWith(error), undefined),
      );
    });
  }

  /**
   * What to tell a caller about an error outside the lane; ends the store unless it is harmless.
   */
  #failedWith(error: unknown): Error {
    if (error instanceof Bug) throw error;
    if (concernsOneCall(error)) return this.#lane.failure ?? (error as Error);
    this.#lane.fail(toFailure(error));
    return this.#lane.failure as Error;
  }

  #nextSnapshotId(): number {
    this.#snapshotIds += 1;
    return this.#snapshotIds;
  }

  #inBackground(run: () => Promise<void>): Promise<void> {
    const result = this.#background.then(() => {
      if (this.#lane.failure !== undefined) throw this.#lane.failure;
      return run();
    });
    this.#background = result.catch(() => {});
    return result;
  }

  #removeLater(range: KeyRange): void {
    this.#inBackground(() => this.#database.remove(range)).catch((error: unknown) => {
      this.#failedWith(error);
    });
  }

  #forgetLater(sequence: number): void {
    this.#inBackground(() => this.#database.forgetRecords(sequence)).catch((error: unknown) => {
      this.#failedWith(error);
    });
  }
}
