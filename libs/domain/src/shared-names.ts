/**
 * A set of names that can be copied at once, however many there are.
 *
 * The copy shares its parts with the original until one of the two writes to a part, so neither a
 * copy nor the first write after it costs as much as there are names. It has no order.
 */

const PART_COUNT = 128;

export class SharedNames<K extends string> {
  readonly #parts: (Set<K> | undefined)[] = [];
  /** Parts that are this set's alone. */
  #owned = new Set<number>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(name: K): void {
    const part = partOf(name);
    if (this.#parts[part]?.has(name) === true) return;
    this.#own(part).add(name);
    this.#size += 1;
  }

  delete(name: K): void {
    const part = partOf(name);
    if (this.#parts[part]?.has(name) !== true) return;
    this.#own(part).delete(name);
    this.#size -= 1;
  }

  *[Symbol.iterator](): IterableIterator<K> {
    for (const part of this.#parts) if (part !== undefined) yield* part;
  }

  copy(): SharedNames<K> {
    const copy = new SharedNames<K>();
    for (const [part, names] of this.#parts.entries()) copy.#parts[part] = names;
    copy.#size = this.#size;
    this.#owned = new Set();
    return copy;
  }

  #own(part: number): Set<K> {
    const present = this.#parts[part];
    if (present !== undefined && this.#owned.has(part)) return present;
    const own = new Set(present);
    this.#parts[part] = own;
    this.#owned.add(part);
    return own;
  }
}

function partOf(name: string): number {
  let hash = 0;
  for (let at = 0; at < name.length; at += 1) {
    hash = (Math.imul(hash, 31) + name.charCodeAt(at)) | 0;
  }
  return (hash ^ (hash >>> 8) ^ (hash >>> 16)) & (PART_COUNT - 1);
}
