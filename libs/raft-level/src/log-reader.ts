/**
 * Reads records and ranges of entries back from the database.
 *
 * What is read is verified like at start. The newest record read is kept: a follower that catches
 * up reads one record in several steps. Used by `LevelLogStore` alone.
 */
import { assert } from "@atoll/stdx";
import type { EntryRange } from "@atoll/raft-replica";
import type { Entry } from "raft-ts";
import type { Database } from "./database.ts";
import { CompactedError, LogDamagedError } from "./errors.ts";
import { recordKey } from "./keys.ts";
import { decodeRecord, type DecodedRecord } from "./record.ts";
import type { RecordIndex } from "./record-index.ts";

export interface ReadRange {
  readonly from: number;
  readonly to: number;
  readonly maxBytes: number;
}

export class LogReader {
  readonly #database: Database;
  readonly #identity: Uint8Array;
  /**
   * Records below it are compacted; asked anew each time, for it moves while a read is under way.
   */
  readonly #firstSequence: () => number;
  #newest: DecodedRecord | undefined;

  constructor(database: Database, identity: Uint8Array, firstSequence: () => number) {
    this.#database = database;
    this.#identity = identity;
    this.#firstSequence = firstSequence;
  }

  /** Lets go of the record that is kept. */
  forget(): void {
    this.#newest = undefined;
  }

  /**
   * Entries with `from <= index < to`, one at least, up to `maxBytes`.
   * @throws CompactedError below the first index. @throws LogDamagedError
   */
  async range(index: RecordIndex, { from, to, maxBytes }: ReadRange): Promise<EntryRange> {
    const last = index.last.index;
    assert(from <= last + 1, `entries from ${from} on are beyond the last, ${last}`);
    if (from < index.firstIndex) throw new CompactedError(`entry ${from} is compacted`);
    const previous = { index: from - 1, term: index.termAt(from - 1) };
    const entries: Entry[] = [];
    let bytes = 0;
    for (const span of index.spans(from, to)) {
      const record = await this.record(span.sequence);
      for (const entry of record.entries) {
        if (entry.index < from || entry.index > span.lastIndex) continue;
        bytes += entry.data.length;
        const full = entries.length > 0 && bytes > maxBytes;
        if (full || entry.index >= to) return { previous, entries };
        entries.push(entry);
      }
    }
    return { previous, entries };
  }

  /** @throws CompactedError @throws LogDamagedError */
  async record(sequence: number): Promise<DecodedRecord> {
    if (this.#newest?.sequence === sequence) return this.#newest;
    const bytes = await this.#database.get(recordKey(sequence));
    if (bytes === undefined && sequence < this.#firstSequence()) {
      throw new CompactedError(`record ${sequence} is compacted`);
    }
    const record = bytes === undefined ? "it is missing" : decodeRecord(bytes, this.#identity);
    if (typeof record === "string") throw new LogDamagedError(`record ${sequence}`, record);
    if (record.sequence !== sequence) {
      throw new LogDamagedError(`record ${sequence}`, `record ${record.sequence} is in its place`);
    }
    this.#newest = record;
    return record;
  }
}
