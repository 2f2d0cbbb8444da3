/**
 * What a mirror keeps on disk: another datacenter's log as far as it was seen, and its state.
 *
 * A snapshot begins with the group whose log it is of, so that both are there or neither.
 * A mirror decides nothing and can be fetched anew, so nobody waits for the disk: entries are
 * applied first and written behind, many in one write. After a restart the mirror stands where the
 * disk was. It is also what a third party reads the mirror's log from. One that the disk fails
 * keeps nothing more and says so once.
 */
import type { ReplicatedState } from "@atoll/control";
import type { LogStore, RecoveredLog } from "@atoll/raft-replica";
import { assert, Bug, crc32c } from "@atoll/stdx";
import type { Entry, Membership, SnapshotMetadata } from "raft-ts";
import type { FeedItem } from "./feed-frame.ts";
import type { MirrorTarget } from "./mirror-intake.ts";
import type { EntryReader, Turns } from "./ports.ts";

/** The log of a mirror has one term and no members; both are the store's, not the home's. */
const TERM = 1;
export const MIRROR_MEMBERSHIP: Membership = {
  voters: [1],
  outgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

export interface MirrorLogSettings {
  /** A snapshot is taken after so many bytes of entries. */
  readonly snapshotEveryBytes: number;
  /** So many entries behind a snapshot stay, for who reads this log. */
  readonly retainEntries: number;
  /** Entries that wait for the disk; past it the feed is to be held. */
  readonly waitingBytesMax: number;
}

export const MIRROR_LOG_DEFAULTS: MirrorLogSettings = {
  snapshotEveryBytes: 16 * 1024 * 1024,
  retainEntries: 20_000,
  waitingBytesMax: 16 * 1024 * 1024,
};

export interface MirrorLogOptions {
  readonly store: LogStore;
  readonly state: ReplicatedState;
  /** The group whose log is in the store; empty when that is not known. */
  readonly groupId: string;
  /** Of the entries in the store. */
  readonly firstIndex: number;
  readonly turns: Turns;
  readonly settings: MirrorLogSettings;
  /** The disk failed. */
  readonly failed: (error: Error) => void;
}

const WRITE_BYTES_MAX = 1024 * 1024;
const READ_BYTES_MAX = 1024 * 1024;
/** Of a snapshot, taken in at one turn. */
const PIECE_BYTES = 128 * 1024;
const NOTHING: Uint8Array = new Uint8Array(0);

export class MirrorLog implements EntryReader {
  readonly #options: MirrorLogOptions;
  #groupId: string;
  #firstIndex: number;
  /** Applied and not yet on disk, those that are being written first. */
  #waiting: FeedItem[] = [];
  #waitingBytes = 0;
  #writing = false;
  #bytesSinceSnapshot = 0;
  #snapshotting = false;
  /** A snapshot that waits until its last entry is on disk. */
  #taken: { readonly index: number; readonly chunks: readonly Uint8Array[] } | undefined;
  /** The last entry on disk. */
  #written: number;
  /** Counts replacements of the state: what was begun before is dropped. */
  #generation = 0;
  #failed = false;
  /** What the store was asked for and has not done. */
  #busy = 0;
  #closed: (() => void) | undefined;

  /** The state is that of the store: see {@link recoverMirror}. */
  constructor(options: MirrorLogOptions) {
    this.#options = options;
    this.#groupId = options.groupId;
    this.#firstIndex = options.firstIndex;
    this.#written = options.state.appliedIndex;
    options.state.onApplied((index, _entry, data) => this.#append({ index, data }));
  }

  /** The first entry that can be read here, or the next to come when there is none. */
  get firstIndex(): number {
    return this.#firstIndex;
  }

  /** True while entries come faster than the disk takes them. */
  get isFull(): boolean {
    return this.#waitingBytes >= this.#options.settings.waitingBytesMax;
  }

  /** The state was replaced by that after `index`, which these chunks are, of that group's log. */
  replaced(index: number, chunks: readonly Uint8Array[], groupId: string): void {
    this.#generation += 1;
    this.#groupId = groupId;
    this.#firstIndex = index + 1;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#bytesSinceSnapshot = 0;
    this.#taken = undefined;
    this.#snapshotting = false;
    this.#written = index;
    if (this.#failed) return;
    const content = [encodeGroup(groupId), ...chunks];
    const hardState = { term: TERM, vote: 0, commit: 0 };
    this.#begin();
    this.#options.store.installSnapshot(metadataOf(index, content), content, hardState, (error) =>
      this.#end(error),
    );
  }

  readEntries(...[range, done]: Parameters<EntryReader["readEntries"]>): void {
    const { from, to, maxBytes } = range;
    if (from > this.#written) {
      // What is not on disk yet is still here.
      const found: FeedItem[] = [];
      let bytes = 0;
      for (const item of this.#waiting) {
        if (item.index < from || item.index >= to || bytes >= maxBytes) continue;
        found.push(item);
        bytes += item.data.length;
      }
      this.#options.turns.soon(() => done(undefined, found));
      return;
    }
    const onDisk = { from, to: Math.min(to, this.#written + 1), maxBytes };
    this.#options.store.readEntries(onDisk, (error, found) => {
      done(
        error,
        (found?.entries ?? []).map(({ index, data }) => ({ index, data })),
      );
    });
  }

  /**
   * Keeps nothing more. `done` is called once the store is no longer used; what was not written is
   * fetched again by the next life.
   */
  close(done: () => void): void {
    this.#failed = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (this.#busy === 0) done();
    else this.#closed = done;
  }

  #append(item: FeedItem): void {
    if (this.#failed) return;
    this.#waiting.push(item);
    this.#waitingBytes += item.data.length;
    this.#bytesSinceSnapshot += item.data.length;
    if (!this.#writing) this.#write();
    if (this.#bytesSinceSnapshot >= this.#options.settings.snapshotEveryBytes) this.#snapshot();
  }

  #write(): void {
    const entries: Entry[] = [];
    let bytes = 0;
    for (const { index, data } of this.#waiting) {
      if (entries.length > 0 && bytes + data.length > WRITE_BYTES_MAX) break;
      bytes += data.length;
      entries.push({ index, term: TERM, type: data.length === 0 ? "noop" : "data", data });
    }
    this.#writing = entries.length > 0;
    if (!this.#writing) return;
    const generation = this.#generation;
    const hardState = { term: TERM, vote: 0, commit: 0 };
    this.#begin();
    this.#options.store.write({ hardState, entries }, (error) => {
      this.#end(error);
      if (this.#failed) return;
      if (generation === this.#generation) {
        this.#waiting = this.#waiting.slice(entries.length);
        this.#waitingBytes -= bytes;
        this.#written = entries.at(-1)?.index ?? this.#written;
        this.#save();
      }
      this.#write();
    });
  }

  /** Takes the state in slices, then saves it and forgets old entries. */
  #snapshot(): void {
    if (this.#snapshotting) return;
    this.#snapshotting = true;
    this.#bytesSinceSnapshot = 0;
    const { state, turns } = this.#options;
    const index = state.appliedIndex;
    const generation = this.#generation;
    const slices = state.snapshotInSlices();
    const chunks: Uint8Array[] = [encodeGroup(this.#groupId)];
    const step = (): void => {
      if (generation !== this.#generation || this.#failed) return;
      const next = slices.next();
      if (next.done === true) {
        this.#taken = { index, chunks };
        this.#save();
        return;
      }
      if (next.value.length > 0) chunks.push(next.value);
      turns.soon(step);
    };
    turns.soon(step);
  }

  #save(): void {
    const { store, settings } = this.#options;
    const taken = this.#taken;
    if (taken === undefined || taken.index > this.#written) return;
    this.#taken = undefined;
    const { index, chunks } = taken;
    const generation = this.#generation;
    this.#begin();
    store.saveSnapshot(metadataOf(index, chunks), chunks, (error) => {
      this.#end(error);
      if (generation !== this.#generation || this.#failed) return;
      this.#snapshotting = false;
      const through = index - settings.retainEntries;
      if (through < this.#firstIndex) return;
      this.#firstIndex = through + 1;
      this.#begin();
      store.compact(through, (failure) => this.#end(failure));
    });
  }

  #begin(): void {
    this.#busy += 1;
  }

  /** Something that the store was asked for is over. */
  #end(error: Error | undefined): void {
    this.#busy -= 1;
    if (error !== undefined) this.#fail(error);
    if (this.#busy === 0) this.#closed?.();
  }

  #fail(error: Error): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#options.failed(error);
  }
}

/**
 * Brings a mirror that is empty to where its store stands. `done` gets the group whose log it is,
 * or the error of the disk. It stays empty when the store does not say which group it is of.
 */
export function recoverMirror(
  store: LogStore,
  { snapshot, last }: Pick<RecoveredLog, "snapshot" | "last">,
  mirror: { readonly target: MirrorTarget; readonly turns: Turns },
  done: (error: Error | undefined, groupId: string) => void,
): void {
  const { target, turns } = mirror;
  assert(target.state.appliedIndex === 0, "a mirror is recovered that is not empty");
  const readOn = (groupId: string): void => {
    const from = target.state.appliedIndex + 1;
    if (from > last.index) {
      done(undefined, groupId);
      return;
    }
    store.readEntries({ from, to: last.index + 1, maxBytes: READ_BYTES_MAX }, (error, found) => {
      const failure = error ?? applyAll(target, found?.entries ?? []);
      if (failure === undefined) turns.soon(() => readOn(groupId));
      else done(failure, "");
    });
  };
  if (snapshot.sizeBytes === 0) {
    done(undefined, "");
    return;
  }
  readSnapshot(store, snapshot, (error, chunks) => {
    if (error !== undefined) {
      done(error, "");
      return;
    }
    const { groupId, rest } = decodeGroup(chunks);
    const restore = target.restoreInPieces(snapshot.index, groupId);
    const takeNext = (): void => {
      const next = rest.shift();
      const failure = attempt(() => (next === undefined ? restore.finish() : restore.take(next)));
      if (failure !== undefined) done(failure, "");
      else if (next === undefined) readOn(groupId);
      else turns.soon(takeNext);
    };
    takeNext();
  });
}

/** What a later release has written cannot be read here. */
function applyAll(target: MirrorTarget, entries: readonly Entry[]): Error | undefined {
  return attempt(() => {
    for (const { index, type, data } of entries) {
      target.apply(index, type === "data" ? data : NOTHING);
    }
  });
}

function attempt(run: () => void): Error | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof Bug) throw error;
    return error as Error;
  }
}

/** Its length in one byte, then its text. */
function encodeGroup(groupId: string): Uint8Array {
  const text = new TextEncoder().encode(groupId);
  assert(text.length < 256, `a group id of ${text.length} bytes`);
  return Uint8Array.of(text.length, ...text);
}

function decodeGroup(chunks: readonly Uint8Array[]): { groupId: string; rest: Uint8Array[] } {
  const [first = NOTHING, ...others] = chunks;
  const end = 1 + (first[0] ?? 0);
  const groupId = new TextDecoder().decode(first.subarray(1, end));
  const left = first.subarray(end);
  return { groupId, rest: left.length === 0 ? others : [left, ...others] };
}

function readSnapshot(
  store: LogStore,
  { index, sizeBytes, checksum }: SnapshotMetadata,
  done: (error: Error | undefined, chunks: readonly Uint8Array[]) => void,
): void {
  const chunks: Uint8Array[] = [];
  let offset = 0;
  let sum = 0;
  const readNext = (): void => {
    if (offset >= sizeBytes) {
      const damaged = sum === checksum ? undefined : new Error(`snapshot ${index} is damaged`);
      done(damaged, chunks);
      return;
    }
    store.readSnapshot({ index, offset, maxBytes: PIECE_BYTES }, (error, chunk) => {
      if (error !== undefined || chunk === undefined || chunk.length === 0) {
        done(error ?? new Error(`snapshot ${index} ends too early`), []);
        return;
      }
      chunks.push(chunk);
      offset += chunk.length;
      sum = crc32c(chunk, sum);
      readNext();
    });
  };
  readNext();
}

function metadataOf(index: number, chunks: readonly Uint8Array[]): SnapshotMetadata {
  const sizeBytes = chunks.reduce((sum, { length }) => sum + length, 0);
  const checksum = chunks.reduce((sum, chunk) => crc32c(chunk, sum), 0);
  return { index, term: TERM, membership: MIRROR_MEMBERSHIP, sizeBytes, checksum };
}
