/**
 * Which record holds which entries, and the term of every entry, in memory.
 *
 * Later records replace earlier ones from their first index on, so the list is always ascending in
 * both sequence and index. Terms change rarely; they are kept as runs. Plain arrays of numbers: a
 * million records take some 30 MB. Used by recovery, which builds it, and by the store, which reads
 * and extends it.
 */
import { assert } from "@atoll/stdx";
import type { Entry, LogPosition } from "raft-ts";

export interface RecordSpan {
  readonly sequence: number;
  readonly firstIndex: number;
  /** What still counts of the record; the record itself may hold more. */
  readonly lastIndex: number;
}

export class RecordIndex {
  #sequences: number[] = [];
  #firsts: number[] = [];
  #lasts: number[] = [];
  #runStarts: number[];
  #runTerms: number[];
  #lastIndex: number;

  /** @param position the position before the first entry. */
  constructor(position: LogPosition) {
    this.#lastIndex = position.index;
    this.#runStarts = [position.index];
    this.#runTerms = [position.term];
  }

  get recordCount(): number {
    return this.#sequences.length;
  }

  /** The index of the position before the first entry, where the terms begin. */
  get begin(): number {
    return this.#runStarts[0] as number;
  }

  /** The first index that can be read; one more than `last.index` when there is none. */
  get firstIndex(): number {
    return this.#firsts[0] ?? this.#lastIndex + 1;
  }

  get last(): LogPosition {
    return { index: this.#lastIndex, term: this.#runTerms.at(-1) as number };
  }

  /** Takes in the entries of a record; whatever they overlap no longer counts. */
  append(sequence: number, entries: readonly Entry[]): void {
    const first = (entries[0] as Entry).index;
    assert(first <= this.#lastIndex + 1, `entry ${first} leaves a gap after ${this.#lastIndex}`);
    assert(first > this.begin, `entry ${first} lies before the log's begin`);
    this.#cutFrom(first);
    this.#sequences.push(sequence);
    this.#firsts.push(first);
    this.#lasts.push(first + entries.length - 1);
    for (const { index, term } of entries) {
      if (term === this.#runTerms.at(-1)) continue;
      this.#runStarts.push(index);
      this.#runTerms.push(term);
    }
    this.#lastIndex = first + entries.length - 1;
  }

  /** The term of the entry at `index`, from the position before the first entry to the last. */
  termAt(index: number): number {
    assert(index <= this.#lastIndex, `no term at ${index}`);
    const run = lastAtOrBelow(this.#runStarts, index);
    assert(run >= 0, `the term at ${index} is compacted`);
    return this.#runTerms[run] as number;
  }

  /** The records that hold entries with `from <= index < to`, in order. */
  spans(from: number, to: number): RecordSpan[] {
    const result: RecordSpan[] = [];
    let at = Math.max(0, lastAtOrBelow(this.#firsts, from));
    for (; at < this.#firsts.length && (this.#firsts[at] as number) < to; at += 1) {
      result.push(this.#span(at));
    }
    return result;
  }

  /** The first record that holds an entry after `through`. */
  firstSpanAfter(through: number): RecordSpan | undefined {
    const at = Math.max(0, lastAtOrBelow(this.#firsts, through + 1));
    if (at >= this.#firsts.length || (this.#lasts[at] as number) <= through) return undefined;
    return this.#span(at);
  }

  /** Forgets all records before `position.index + 1`, where a record must begin or the log end. */
  dropThrough(position: LogPosition): void {
    let count = 0;
    while (count < this.#lasts.length && (this.#lasts[count] as number) <= position.index)
      count += 1;
    this.#sequences = this.#sequences.slice(count);
    this.#firsts = this.#firsts.slice(count);
    this.#lasts = this.#lasts.slice(count);
    const run = lastAtOrBelow(this.#runStarts, position.index);
    this.#runStarts = [position.index, ...this.#runStarts.slice(run + 1)];
    this.#runTerms = [position.term, ...this.#runTerms.slice(run + 1)];
  }

  #cutFrom(first: number): void {
    while ((this.#firsts.at(-1) ?? -1) >= first) {
      this.#sequences.pop();
      this.#firsts.pop();
      this.#lasts.pop();
    }
    const kept = this.#lasts.length - 1;
    if (kept >= 0 && (this.#lasts[kept] as number) >= first) this.#lasts[kept] = first - 1;
    while ((this.#runStarts.at(-1) as number) >= first) {
      this.#runStarts.pop();
      this.#runTerms.pop();
    }
  }

  #span(at: number): RecordSpan {
    return {
      sequence: this.#sequences[at] as number,
      firstIndex: this.#firsts[at] as number,
      lastIndex: this.#lasts[at] as number,
    };
  }
}

/** The place of the last value that is not above `wanted` in ascending `values`; -1 for none. */
function lastAtOrBelow(values: readonly number[], wanted: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] as number) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
