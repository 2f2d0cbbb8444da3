/**
 * A map that knows which of its keys is the oldest, for what is kept only up to a bound.
 *
 * Setting a key that is there already keeps its place. Removing the oldest is cheap; removing
 * another walks over all keys, which are few.
 */

/** When so many leading places are empty they are given back. */
const EMPTY_PLACES_MAX = 1_024;

export class RecencyMap<K extends string, V> {
  #values = new Map<K, V>();
  #order: K[] = [];
  #head = 0;

  get size(): number {
    return this.#values.size;
  }

  get(key: K): V | undefined {
    return this.#values.get(key);
  }

  set(key: K, value: V): void {
    if (!this.#values.has(key)) this.#order.push(key);
    this.#values.set(key, value);
  }

  delete(key: K): void {
    if (!this.#values.delete(key)) return;
    if (this.#order[this.#head] === key) this.#head += 1;
    else this.#order.splice(this.#order.indexOf(key, this.#head), 1);
    if (this.#head > EMPTY_PLACES_MAX && this.#head * 2 > this.#order.length) {
      this.#order = this.#order.slice(this.#head);
      this.#head = 0;
    }
  }

  oldest(): K | undefined {
    return this.#order[this.#head];
  }

  /** From the oldest to the newest. */
  *values(): IterableIterator<V> {
    for (let at = this.#head; at < this.#order.length; at += 1) {
      yield this.#values.get(this.#order[at] as K) as V;
    }
  }

  copy(): RecencyMap<K, V> {
    const copy = new RecencyMap<K, V>();
    copy.#values = new Map(this.#values);
    copy.#order = this.#order.slice(this.#head);
    return copy;
  }
}
