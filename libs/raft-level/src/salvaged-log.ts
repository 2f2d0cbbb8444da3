/**
 * A damaged log that is whole but for entries in its middle: what it is, what is missing, and what
 * can be read.
 *
 * Holds the damaged folder's segments open for reading and changes nothing on disk. Entries that
 * are missing are filled in from other logs; only such as have the position of the gap's end are
 * taken. Made by `salvageLog`; read by peers and by `repairLog`, owned by whoever repairs.
 */
import type { Entry, HardState } from "raft-ts";
import { LogDamagedError } from "./errors.ts";
import { identityDigest, type LogIdentity } from "./identity.ts";
import { decodeRecord, type DecodedRecord } from "./record.ts";
import type { SalvagedIndex, UnknownSpan } from "./salvaged-index.ts";
import type { SegmentFile } from "./segment-file.ts";
import type { StoreState } from "./store-state.ts";

export interface SalvagedParts {
  readonly folder: string;
  readonly identity: LogIdentity;
  readonly state: StoreState;
  /** Of the last record, so in force. */
  readonly hardState: HardState;
  /** No record of the log has a higher number, nor has one that a crash cut off. */
  readonly lastSequence: number;
  /** Of the last record. */
  readonly lastHash: Uint8Array;
  readonly index: SalvagedIndex;
  readonly segments: readonly SegmentFile[];
}

/** Which entries are wanted: those up to the position of `to`, back to `from`. */
export interface WantedEntries {
  readonly from: number;
  readonly to: number;
  readonly termAtTo: number;
  /** Of their data. One entry is given whatever its size. */
  readonly bytesMax: number;
  readonly countMax: number;
}

/** Ascending without gap, and the term of the entry before the first. */
export interface EntriesUpTo {
  readonly entries: readonly Entry[];
  readonly previousTerm: number;
}

export class SalvagedLog implements AsyncDisposable {
  readonly parts: SalvagedParts;
  readonly #digest: Uint8Array;
  #newest: DecodedRecord | undefined;

  constructor(parts: SalvagedParts) {
    this.parts = parts;
    this.#digest = identityDigest(parts.identity);
  }

  /** The entries that are still missing, ascending. */
  get missing(): readonly UnknownSpan[] {
    return this.parts.index.spans;
  }

  /** More is missing than can be taken in from other logs. */
  get isFull(): boolean {
    return this.parts.index.isFull;
  }

  get lastIndex(): number {
    return this.parts.index.lastIndex;
  }

  /**
   * Takes in entries of another log. They must end where some of {@link missing} end, with the same
   * term there; else nothing changes, and the reason is returned, a sentence without its end.
   */
  fill(entries: readonly Entry[], previousTerm: number): string | undefined {
    return this.parts.index.fill(entries, previousTerm);
  }

  /**
   * The entries that are known here, back from the end of what is wanted. Undefined when this log
   * has another entry there, or does not know.
   * @throws LogDamagedError when a record can no longer be read.
   */
  async entriesUpTo(wanted: WantedEntries): Promise<EntriesUpTo | undefined> {
    const { index } = this.parts;
    const { from, to, termAtTo, bytesMax, countMax } = wanted;
    if (!index.holds(to) || index.termAt(to) !== termAtTo) return undefined;
    const entries: Entry[] = [];
    let bytes = 0;
    for (let at = to; at >= from && index.holds(at) && entries.length < countMax; at -= 1) {
      const entry = await this.#entry(at);
      bytes += entry.data.length;
      if (entries.length > 0 && bytes > bytesMax) break;
      entries.push(entry);
    }
    const previousTerm = index.termAt(to - entries.length);
    return { entries: entries.toReversed(), previousTerm };
  }

  /** All entries in order. Nothing may be missing any more. @throws LogDamagedError */
  async *entries(): AsyncIterable<Entry> {
    const { index } = this.parts;
    for (let at = index.begin.index + 1; at <= index.lastIndex; at += 1) yield this.#entry(at);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const segment of this.parts.segments) await segment.close();
  }

  async #entry(index: number): Promise<Entry> {
    const source = this.parts.index.sourceOf(index);
    if (typeof source !== "number") return source;
    if (this.#newest?.sequence !== source) this.#newest = await this.#record(source);
    const entry = this.#newest.entries[index - this.#newest.firstIndex];
    if (entry?.index === index) return entry;
    throw new LogDamagedError(`record ${source}`, `entry ${index} is not in it any more`);
  }

  async #record(sequence: number): Promise<DecodedRecord> {
    const segment = this.parts.segments.find((each) => each.holds(sequence));
    const bytes = await segment?.read(sequence);
    const record = bytes === undefined ? "it is missing" : decodeRecord(bytes, this.#digest);
    if (typeof record === "string") throw new LogDamagedError(`record ${sequence}`, record);
    return record;
  }
}
