/**
 * A first-in first-out queue that refuses instead of growing.
 *
 * Amortised constant time. The caller decides what a refusal means; the queue never drops.
 */
import { assert } from "./assert.ts";

export class BoundedQueue<T> {
  readonly capacity: number;
  #items: T[] = [];
  #head = 0;

  /** @param capacity how many items it holds at most, 1 or more. */
  constructor(capacity: number) {
    assert(Number.isInteger(capacity) && capacity >= 1, `capacity ${capacity}`);
    this.capacity = capacity;
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  /** Adds `item` at the end, or returns false when the queue is full. */
  push(item: T): boolean {
    if (this.size >= this.capacity) return false;
    this.#items.push(item);
    return true;
  }

  /** Removes and returns the first item, or undefined when the queue is empty. */
  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined as T;
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) this.#compact();
    return item;
  }

  /** The first item, which stays, or undefined. */
  peek(): T | undefined {
    return this.#items[this.#head];
  }

  /** Removes and returns up to `most` items in order. */
  drain(most: number = this.capacity): T[] {
    const taken = this.#items.slice(this.#head, this.#head + most);
    this.#head += taken.length;
    this.#compact();
    return taken;
  }

  #compact(): void {
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}
