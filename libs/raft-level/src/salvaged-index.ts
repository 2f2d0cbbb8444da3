/**
 * What is certain of a log that lost some records: its positions, and who holds its entries.
 *
 * An index and the term of the entry there name that entry and all before it (Raft §5.3, Log
 * Matching). So a lost record makes only that doubtful which it may have replaced, and a record
 * behind it, which names the position before its first entry, settles where the log went on. What
 * is doubtful is kept, for it becomes certain again when a position in it is confirmed. Never
 * guesses: what is not certain is unknown. Pure. Used by the salvaging of a log (docs/adr/0012).
 */
import { assert } from "@atoll/stdx";
import type { Entry, LogPosition } from "raft-ts";
import type { DecodedRecord } from "./record.ts";

/** Entries that are not known, without gap; the position at their end is certain. */
export interface UnknownSpan {
  readonly from: number;
  readonly to: number;
  readonly termAtTo: number;
}

/** In the place of a record: the entry came from elsewhere. */
const FOUND = -1;
/** What may come from elsewhere, all of which is kept in memory: with it the log is written. */
const FOUND_BYTES_MAX = 1024 * 1024 * 1024;
/** What an entry takes in memory beside its data, about. */
const ENTRY_BYTES = 128;

export class SalvagedIndex {
  readonly begin: LogPosition;
  /** By place, which is the index behind the begin. 0 where it is not known. */
  readonly #terms: number[] = [];
  /** The record that holds the entry; 0 for none. */
  readonly #records: number[] = [];
  /** 0 for what is certain; else the number of the hole that may have replaced it. */
  readonly #doubts: number[] = [];
  /** Entries that no record holds. */
  readonly #found = new Map<number, Entry>();
  readonly #foundBytesMax: number;
  #foundBytes = 0;
  #isFull = false;
  #holes = 0;
  #spans: readonly UnknownSpan[] | undefined;

  /** @param begin the position before the first entry. */
  constructor(begin: LogPosition, foundBytesMax: number = FOUND_BYTES_MAX) {
    this.begin = begin;
    this.#foundBytesMax = foundBytesMax;
  }

  /** Entries from elsewhere were refused because they would be too many to keep. */
  get isFull(): boolean {
    return this.#isFull;
  }

  get lastIndex(): number {
    return this.begin.index + this.#terms.length;
  }

  /** Records are lost here. What was committed before is not touched by them. */
  lose(commit: number): void {
    this.#holes += 1;
    const from = Math.max(commit - this.begin.index, 0);
    for (let at = from; at < this.#terms.length; at += 1) {
      if (this.#doubts[at] === 0) this.#doubts[at] = this.#holes;
    }
  }

  /**
   * Takes in the next whole record. Returns why it cannot belong to this log, a sentence without
   * its end.
   */
  place(record: DecodedRecord, behindHole: boolean): string | undefined {
    const { firstIndex, previousTerm, entries, sequence } = record;
    // Without entries it names the end of the log, which is news behind a hole alone.
    if (entries.length === 0 && !behindHole) return undefined;
    const kept = firstIndex - 1 - this.begin.index;
    if (kept < 0) return `its entry ${firstIndex} lies before the log's begin`;
    this.#resize(kept);
    const misfit = this.#confirm({ index: firstIndex - 1, term: previousTerm });
    for (const { term } of entries) this.#push(term, sequence);
    return misfit;
  }

  /** What is not known, ascending. */
  get spans(): readonly UnknownSpan[] {
    this.#spans ??= this.#findSpans();
    return this.#spans;
  }

  /**
   * Takes in entries that another log has at the end of a span. `previousTerm` is of the entry
   * before them. Returns why they are not those that are missing, and then changes nothing.
   */
  fill(entries: readonly Entry[], previousTerm: number): string | undefined {
    const [first, last] = [entries[0], entries.at(-1)];
    const span = this.spans.find(({ to }) => to === last?.index);
    if (first === undefined || last === undefined || span === undefined) {
      return "they do not end where entries are missing";
    }
    if (last.term !== span.termAtTo) return `the last one is of term ${last.term}`;
    if (first.index < span.from) return `they begin at ${first.index} already`;
    let term = previousTerm;
    for (const [at, entry] of entries.entries()) {
      if (entry.index !== first.index + at) return `there is a gap before ${entry.index}`;
      if (entry.term < term) return `the term goes back at ${entry.index}`;
      term = entry.term;
    }
    const bytes = entries.reduce((sum, { data }) => sum + data.length + ENTRY_BYTES, 0);
    if (this.#foundBytes + bytes > this.#foundBytesMax) {
      this.#isFull = true;
      return `more than ${this.#foundBytesMax} bytes would be taken in`;
    }
    const misfit = this.#confirm({ index: first.index - 1, term: previousTerm });
    if (misfit !== undefined) return misfit;
    this.#foundBytes += bytes;
    for (const entry of entries) {
      const at = this.#placeOf(entry.index);
      this.#terms[at] = entry.term;
      this.#records[at] = FOUND;
      this.#doubts[at] = 0;
      this.#found.set(entry.index, entry);
    }
    this.#spans = undefined;
    return undefined;
  }

  /** Whether the entry at `index` is certain and can be read. */
  holds(index: number): boolean {
    const at = this.#placeOf(index);
    return at >= 0 && this.#records[at] !== 0 && this.#doubts[at] === 0;
  }

  /** Of the begin, an entry that is held, or the one before such an entry. */
  termAt(index: number): number {
    if (index === this.begin.index) return this.begin.term;
    const at = this.#placeOf(index);
    const term = this.#doubts[at] === 0 ? this.#terms[at] : 0;
    assert(term !== undefined && term > 0, `the term at ${index} is not known`);
    return term;
  }

  /** The entry itself where it came from elsewhere, else the record that holds it. */
  sourceOf(index: number): Entry | number {
    assert(this.holds(index), `entry ${index} is not there`);
    return this.#found.get(index) ?? (this.#records[this.#placeOf(index)] as number);
  }

  /** The position is certain, and with it all that was believed up to it when it was believed. */
  #confirm({ index, term }: LogPosition): string | undefined {
    const at = this.#placeOf(index);
    const known = at < 0 ? this.begin.term : this.#terms[at];
    const doubt = at < 0 ? 0 : (this.#doubts[at] as number);
    if (known !== term) {
      if (at < 0 || (known !== 0 && doubt === 0)) return `the term at ${index} is not ${term}`;
      this.#terms[at] = term;
      this.#records[at] = 0;
      this.#doubts[at] = 0;
    } else if (doubt !== 0) {
      for (let sure = at; this.#doubts[sure] === doubt; sure -= 1) this.#doubts[sure] = 0;
    }
    return undefined;
  }

  #findSpans(): readonly UnknownSpan[] {
    const spans: UnknownSpan[] = [];
    let from: number | undefined;
    for (let index = this.begin.index + 1; index <= this.lastIndex; index += 1) {
      if (this.holds(index)) {
        from = undefined;
        continue;
      }
      from ??= index;
      if (index < this.lastIndex && !this.holds(index + 1)) continue;
      spans.push({ from, to: index, termAtTo: this.termAt(index) });
    }
    return spans;
  }

  /** Makes the log `length` entries long; those that are new are unknown. */
  #resize(length: number): void {
    const kept = Math.min(length, this.#terms.length);
    for (const each of [this.#terms, this.#records, this.#doubts]) each.length = kept;
    while (this.#terms.length < length) this.#push(0, 0);
  }

  #push(term: number, sequence: number): void {
    this.#terms.push(term);
    this.#records.push(sequence);
    this.#doubts.push(0);
  }

  #placeOf(index: number): number {
    return index - this.begin.index - 1;
  }
}
