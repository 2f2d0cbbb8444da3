/**
 * Keeps the log short: takes snapshots of the own state, and restores the newest at start and when
 * a leader sent it.
 *
 * A snapshot is due after so many applied entries or bytes; while one is being saved no other
 * begins. It is taken in one moment and written out a chunk at a time, one in each tick, so that a
 * large state never holds up the loop. It is restored a chunk at a time, too, as the store reads
 * it. After it is durable the log is compacted, but for the
 * entries that feeds and slow peers may ask for. A snapshot is only taken of what is durable here
 * as log, so that the log never ends before it.
 */
import { assert, crc32c } from "@atoll/stdx";
import type { Membership, SnapshotMetadata } from "raft-ts";
import type { LogStore, StateMachine } from "./ports.ts";
import type { ReplicaSettings } from "./settings.ts";

/** Bytes that are read and restored in one turn of the loop. */
const RESTORE_CHUNK_BYTES = 1 << 17;

export interface SnapshotsOptions {
  readonly store: LogStore;
  readonly stateMachine: StateMachine;
  readonly settings: ReplicaSettings;
  readonly snapshotIndex: number;
  /** Told when a snapshot is durable, and when the log is shorter. */
  readonly saved: (metadata: SnapshotMetadata) => void;
  readonly compacted: (firstIndex: number) => void;
  readonly failed: (error: Error) => void;
}

/** A snapshot that is being written out. */
interface Taking {
  readonly position: Pick<SnapshotMetadata, "index" | "term" | "membership">;
  readonly rest: Iterator<Uint8Array>;
  readonly chunks: Uint8Array[];
  sizeBytes: number;
  checksum: number;
}

export class Snapshots {
  readonly #options: SnapshotsOptions;
  #snapshotIndex: number;
  #bytesSince = 0;
  #saving = false;
  #taking: Taking | undefined;
  /** Raised when a snapshot from a leader makes a restore that is under way obsolete. */
  #generation = 0;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
    this.#snapshotIndex = options.snapshotIndex;
  }

  /** Counts applied entries and says whether a snapshot is due. */
  applied(appliedIndex: number, bytes: number): boolean {
    this.#bytesSince += bytes;
    const { snapshotEveryEntries, snapshotEveryBytes } = this.#options.settings;
    if (this.#saving) return false;
    const entries = appliedIndex - this.#snapshotIndex;
    return entries >= snapshotEveryEntries || this.#bytesSince >= snapshotEveryBytes;
  }

  /** One is being made durable. */
  get isSaving(): boolean {
    return this.#saving;
  }

  /** The newest one that is durable, or installed. */
  get snapshotIndex(): number {
    return this.#snapshotIndex;
  }

  /** Takes a snapshot of the state after `index` and compacts behind it. */
  take(index: number, term: number, membership: Membership): void {
    this.#saving = true;
    this.#bytesSince = 0;
    this.#taking = {
      position: { index, term, membership },
      rest: this.#options.stateMachine.snapshot()[Symbol.iterator](),
      chunks: [],
      sizeBytes: 0,
      checksum: 0,
    };
    // What fits into one chunk is saved at once.
    this.tick();
    this.tick();
  }

  /** Goes on with a snapshot that is being written out: one chunk. */
  tick(): void {
    const taking = this.#taking;
    if (taking === undefined) return;
    const next = taking.rest.next();
    if (next.done === true) {
      this.#taking = undefined;
      this.#save(taking);
      return;
    }
    if (next.value.length === 0) return;
    taking.chunks.push(next.value);
    taking.sizeBytes += next.value.length;
    taking.checksum = crc32c(next.value, taking.checksum);
  }

  #save({ position, chunks, sizeBytes, checksum }: Taking): void {
    const { store, settings } = this.#options;
    const { index } = position;
    assert(this.#saving, "a snapshot is saved that nobody takes");
    const metadata = { ...position, sizeBytes, checksum };
    store.saveSnapshot(metadata, chunks, (error) => {
      this.#saving = false;
      if (error !== undefined) {
        this.#options.failed(error);
        return;
      }
      // One that a leader installed meanwhile is newer, and the store has kept it.
      if (index <= this.#snapshotIndex) return;
      this.#snapshotIndex = index;
      this.#options.saved(metadata);
      this.#compact(index - settings.retainEntries);
    });
  }

  /** A leader's snapshot replaces the log; once it is durable it is restored. */
  installing(metadata: SnapshotMetadata): void {
    this.#generation += 1;
    this.#snapshotIndex = metadata.index;
    this.#bytesSince = 0;
  }

  /**
   * Reads the newest snapshot and restores the state from it; `done` is not called if it is
   * obsolete, or becomes so.
   */
  restore(metadata: SnapshotMetadata, done: () => void): void {
    if (metadata.index < this.#snapshotIndex) return;
    const generation = this.#generation;
    const restore = this.#options.stateMachine.restore(metadata);
    if (metadata.sizeBytes === 0) {
      restore.finish();
      done();
      return;
    }
    let offset = 0;
    let checksum = 0;
    const readNext = (): void => {
      const range = { index: metadata.index, offset, maxBytes: RESTORE_CHUNK_BYTES };
      this.#options.store.readSnapshot(range, (error, chunk) => {
        if (generation !== this.#generation) return;
        if (error !== undefined || chunk === undefined || chunk.length === 0) {
          this.#options.failed(error ?? new Error(`snapshot ${metadata.index} ends too early`));
          return;
        }
        restore.take(chunk);
        offset += chunk.length;
        checksum = crc32c(chunk, checksum);
        if (offset < metadata.sizeBytes) {
          readNext();
        } else if (checksum !== metadata.checksum) {
          this.#options.failed(new Error(`snapshot ${metadata.index} is damaged`));
        } else {
          restore.finish();
          done();
        }
      });
    };
    readNext();
  }

  #compact(through: number): void {
    if (through < 1) return;
    this.#options.store.compact(through, (error) => {
      if (error !== undefined) this.#options.failed(error);
      else this.#options.compacted(through + 1);
    });
  }
}
