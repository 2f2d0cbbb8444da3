/**
 * The newest entries of a log while it is read, within a bound in bytes.
 *
 * Used by recovery alone, to hand the replica what it most likely needs at once.
 */
import type { Entry, LogPosition } from "raft-ts";

export class LogTail {
  readonly #bytesMax: number;
  #entries: Entry[] = [];
  #head = 0;
  #bytes = 0;
  #previous: LogPosition;

  constructor(previous: LogPosition, bytesMax: number) {
    this.#previous = previous;
    this.#bytesMax = bytesMax;
  }

  /** The position before the first entry. */
  get previous(): LogPosition {
    return this.#previous;
  }

  entries(): readonly Entry[] {
    return this.#entries.slice(this.#head);
  }

  /**
   * Takes in entries that replace those from their first index on. `previousTerm` is of the entry
   * before them.
   */
  append(entries: readonly Entry[], previousTerm: number): void {
    const first = (entries[0] as Entry).index;
    while (this.#entries.length > this.#head && this.#lastIndex() >= first) {
      this.#bytes -= (this.#entries.pop() as Entry).data.length;
    }
    if (this.#entries.length === this.#head)
      this.#previous = { index: first - 1, term: previousTerm };
    for (const entry of entries) {
      this.#entries.push(entry);
      this.#bytes += entry.data.length;
    }
    while (this.#bytes > this.#bytesMax && this.#head < this.#entries.length) this.#dropFirst();
    if (this.#head > 4096 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }

  #dropFirst(): void {
    const { index, term, data } = this.#entries[this.#head] as Entry;
    this.#previous = { index, term };
    this.#bytes -= data.length;
    this.#entries[this.#head] = undefined as unknown as Entry;
    this.#head += 1;
  }

  #lastIndex(): number {
    return (this.#entries.at(-1) as Entry).index;
  }
}
