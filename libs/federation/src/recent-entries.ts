/**
 * The newest applied entries, kept in memory for those who follow the log closely.
 *
 * Bounded by count and bytes; what fell out is let go at once and read from the log store.
 * Contiguous by construction.
 */
import { assert } from "@atoll/stdx";

export interface FeedItem {
  readonly index: number;
  readonly data: Uint8Array;
}

const ENTRIES_MAX = 16_384;
const BYTES_MAX = 16 * 1024 * 1024;

export class RecentEntries {
  /** Undefined before the head. */
  #items: (FeedItem | undefined)[] = [];
  #head = 0;
  #bytes = 0;

  /** The last index, or 0 when there is none. */
  get lastIndex(): number {
    return this.#items.at(-1)?.index ?? 0;
  }

  push(index: number, data: Uint8Array): void {
    const last = this.#items.at(-1);
    assert(last === undefined || index === last.index + 1, `entry ${index} after ${last?.index}`);
    this.#items.push({ index, data });
    this.#bytes += data.length;
    while (this.#items.length - this.#head > ENTRIES_MAX || this.#bytes > BYTES_MAX) {
      if (this.#items.length - this.#head <= 1) break;
      this.#bytes -= this.#items[this.#head]?.data.length ?? 0;
      this.#items[this.#head] = undefined;
      this.#head += 1;
    }
    if (this.#head > ENTRIES_MAX) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  /**
   * Entries from `from` on, at most `maxBytes` but at least one; undefined when `from` is not kept
   * here.
   */
  read(from: number, maxBytes: number): FeedItem[] | undefined {
    const first = this.#items[this.#head];
    if (first === undefined || from < first.index || from > this.lastIndex) return undefined;
    const found: FeedItem[] = [];
    let bytes = 0;
    for (let at = this.#head + from - first.index; at < this.#items.length; at += 1) {
      const item = this.#items[at] as FeedItem;
      if (found.length > 0 && bytes + item.data.length > maxBytes) break;
      found.push(item);
      bytes += item.data.length;
    }
    return found;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}
