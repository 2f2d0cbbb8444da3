/**
 * The part of the log that is in memory, and how far each stage of work has come in it.
 *
 * Holds the newest entries, bounded in bytes; older ones are in the store. The order
 * `applied <= committed <= last` and `stable <= handed <= last` always holds. It never drops an
 * entry that is not both applied and durable. Called by every part of the core.
 */
import { assert } from "@atoll/stdx";
import type { Entry, LogPosition, SnapshotMetadata } from "./entry.ts";

/** What one entry costs in memory and on the wire beside its data. */
const ENTRY_OVERHEAD_BYTES = 32;
/** Dropped entries are cut off the array once there are so many and they are half of it. */
const CUT_AFTER = 4_096;

/** The bytes an entry counts for in every bound: its data and 32 beside them. */
export function entryBytes(entry: Entry): number {
  return entry.data.length + ENTRY_OVERHEAD_BYTES;
}

function positionOf({ index, term }: LogPosition): LogPosition {
  return { index, term };
}

export class RaftLog {
  /** The newest complete snapshot in the store. */
  snapshot: SnapshotMetadata;
  /** The first index that the store can still give. */
  firstIndex: number;
  /** Durable up to here. */
  stableIndex: number;
  /** Handed to a write, under way or done, up to here. */
  handedIndex: number;
  committedIndex: number;
  /** The newest entry that is applied. */
  applied: LogPosition;
  #entries: Entry[];
  /** How many of `#entries` are dropped. */
  #head = 0;
  #bytes = 0;
  /** The position before the first entry in memory. */
  #previous: LogPosition;
  /**
   * Terms of entries that are not in memory, read back because a leader's log must be compared with
   * them.
   */
  #lookedUp: Map<number, number> = new Map();
  /** The last slice that was made; several peers and the write mostly want the same. */
  #slice: readonly Entry[] = [];

  constructor(options: {
    readonly snapshot: SnapshotMetadata;
    readonly firstIndex: number;
    readonly tailPrevious: LogPosition;
    readonly tail: readonly Entry[];
    /** Known to be committed when the hard state was written; see `HardState`. */
    readonly commit: number;
  }) {
    this.snapshot = options.snapshot;
    this.firstIndex = options.firstIndex;
    this.#entries = [...options.tail];
    this.#previous = { index: options.tailPrevious.index, term: options.tailPrevious.term };
    for (const entry of this.#entries) this.#bytes += entryBytes(entry);
    this.stableIndex = this.lastIndex;
    this.handedIndex = this.lastIndex;
    this.committedIndex = Math.max(options.snapshot.index, options.commit);
    this.applied = positionOf(options.snapshot);
    assert(this.lastIndex >= this.committedIndex, "the log ends before what was committed");
  }

  get appliedIndex(): number {
    return this.applied.index;
  }

  get lastIndex(): number {
    return this.#previous.index + this.#entries.length - this.#head;
  }

  get lastTerm(): number {
    return this.#entries.length > this.#head
      ? (this.#entries.at(-1) as Entry).term
      : this.#previous.term;
  }

  /** The first index that is in memory; `lastIndex + 1` when none is. */
  get tailFirstIndex(): number {
    return this.#previous.index + 1;
  }

  /** The term of the entry at `index`; undefined when it is not in memory. */
  termAt(index: number): number | undefined {
    if (index === this.#previous.index) return this.#previous.term;
    if (index === this.applied.index) return this.applied.term;
    if (index === this.snapshot.index) return this.snapshot.term;
    if (index < this.#previous.index) return this.#lookedUp.get(index);
    return this.#entries[this.#head + index - this.#previous.index - 1]?.term;
  }

  /**
   * The first index in [from, to] whose entry exists here, is not known to be committed, and whose
   * term would have to be read back; 0 when there is none.
   */
  firstUnknown(from: number, to: number): number {
    const last = Math.min(to, this.#previous.index - 1);
    for (let index = Math.max(from, this.committedIndex + 1); index <= last; index += 1) {
      if (this.termAt(index) === undefined) return index;
    }
    return 0;
  }

  /** Takes in terms that were read back, until the next change of the log. */
  learnTerms(entries: readonly Entry[]): void {
    for (const entry of entries) this.#lookedUp.set(entry.index, entry.term);
  }

  forgetTerms(): void {
    if (this.#lookedUp.size > 0) this.#lookedUp = new Map();
  }

  /**
   * Entries in memory from `from` up to and including `to`, at most `maxBytes` but at least one.
   */
  slice(from: number, to: number, maxBytes: number): readonly Entry[] {
    assert(
      from >= this.tailFirstIndex && from <= to && to <= this.lastIndex,
      `slice ${from}-${to}`,
    );
    const start = this.#head + from - this.#previous.index - 1;
    const end = start + to - from + 1;
    let bytes = 0;
    let at = start;
    for (; at < end; at += 1) {
      bytes += entryBytes(this.#entries[at] as Entry);
      if (bytes > maxBytes && at > start) break;
    }
    const kept = this.#slice;
    const same =
      kept.length === at - start &&
      kept[0] === this.#entries[start] &&
      kept.at(-1) === this.#entries[at - 1];
    if (!same) this.#slice = this.#entries.slice(start, at);
    return this.#slice;
  }

  /**
   * The bytes of the entries after `from` up to and including `to`, as far as they are in memory.
   */
  bytesBetween(from: number, to: number): number {
    let bytes = 0;
    const start = this.#head + Math.max(0, from - this.#previous.index);
    const end = this.#head + to - this.#previous.index;
    for (let at = start; at < end; at += 1) {
      bytes += entryBytes(this.#entries[at] as Entry);
    }
    return bytes;
  }

  /**
   * Whether a membership entry is, or may be, committed here and not applied: what is not in memory
   * is not known to be none.
   */
  mayHoldUnappliedMembership(): boolean {
    if (this.appliedIndex >= this.committedIndex) return false;
    if (this.appliedIndex < this.#previous.index) return true;
    const start = this.#head + this.appliedIndex - this.#previous.index;
    const end = this.#head + this.committedIndex - this.#previous.index;
    for (let at = start; at < end; at += 1) {
      if (this.#entries[at]?.type === "membership") return true;
    }
    return false;
  }

  append(entry: Entry): void {
    assert(entry.index === this.lastIndex + 1, `entry ${entry.index} after ${this.lastIndex}`);
    assert(entry.term >= this.lastTerm, `term ${entry.term} after ${this.lastTerm}`);
    this.#entries.push(entry);
    this.#bytes += entryBytes(entry);
  }

  /** Removes the entries from `index` on, which contradict the leader's (Raft §5.3). */
  truncateFrom(index: number, termBefore: number): void {
    assert(index > this.committedIndex, `cut of committed entry ${index}`);
    if (index <= this.#previous.index) {
      this.#previous = { index: index - 1, term: termBefore };
      this.#entries = [];
      this.#head = 0;
      this.forgetTerms();
    }
    const keep = this.#head + index - this.#previous.index - 1;
    for (let at = keep; at < this.#entries.length; at += 1) {
      this.#bytes -= entryBytes(this.#entries[at] as Entry);
    }
    this.#entries.length = keep;
    if (this.#entries.length === 0) this.#bytes = 0;
    this.stableIndex = Math.min(this.stableIndex, index - 1);
    this.handedIndex = Math.min(this.handedIndex, index - 1);
  }

  /** Replaces everything by a snapshot that is still to become durable. */
  resetTo(snapshot: SnapshotMetadata): void {
    assert(snapshot.index > this.committedIndex, `snapshot ${snapshot.index} is old`);
    this.snapshot = snapshot;
    this.firstIndex = snapshot.index + 1;
    this.#entries = [];
    this.#head = 0;
    this.#bytes = 0;
    this.forgetTerms();
    this.#previous = { index: snapshot.index, term: snapshot.term };
    this.stableIndex = 0;
    this.handedIndex = snapshot.index;
    this.committedIndex = snapshot.index;
    this.applied = positionOf(snapshot);
  }

  commitTo(index: number): void {
    assert(index <= this.lastIndex, `commit ${index} beyond the last entry ${this.lastIndex}`);
    if (index > this.committedIndex) this.committedIndex = index;
  }

  /** Drops the oldest entries from memory while more than `bytesMax` are held. */
  evict(bytesMax: number): void {
    const limit = Math.min(this.appliedIndex, this.stableIndex);
    while (this.#bytes > bytesMax && this.#previous.index < limit) {
      const entry = this.#entries[this.#head] as Entry;
      this.#bytes -= entryBytes(entry);
      this.#previous = entry;
      this.#entries[this.#head] = undefined as unknown as Entry;
      this.#head += 1;
    }
    if (this.#head >= CUT_AFTER && this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }
}
