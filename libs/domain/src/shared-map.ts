/**
 * A map that can be copied at once, however large it is.
 *
 * The copy shares its parts with the original until one of the two writes to a part. A replica
 * takes a snapshot of a hundred thousand actions this way without a pause. It has no order; whoever
 * walks needs names sorted elsewhere.
 */

const SHARD_COUNT = 256;

export class SharedMap<K extends string, V> {
  #shards: Map<K, V>[];
  /** 1 where a part is this map's alone. */
  #owned: Uint8Array;

  constructor() {
    this.#shards = Array.from({ length: SHARD_COUNT }, () => new Map<K, V>());
    this.#owned = new Uint8Array(SHARD_COUNT).fill(1);
  }

  get(key: K): V | undefined {
    return (this.#shards[shardOf(key)] as Map<K, V>).get(key);
  }

  has(key: K): boolean {
    return (this.#shards[shardOf(key)] as Map<K, V>).has(key);
  }

  set(key: K, value: V): void {
    this.#own(shardOf(key)).set(key, value);
  }

  delete(key: K): void {
    if (this.has(key)) this.#own(shardOf(key)).delete(key);
  }

  /** A map with the same content that changes apart from this one. */
  copy(): SharedMap<K, V> {
    const copy = new SharedMap<K, V>();
    copy.#shards = [...this.#shards];
    copy.#owned.fill(0);
    this.#owned.fill(0);
    return copy;
  }

  #own(shard: number): Map<K, V> {
    const present = this.#shards[shard] as Map<K, V>;
    if (this.#owned[shard] === 1) return present;
    const own = new Map(present);
    this.#shards[shard] = own;
    this.#owned[shard] = 1;
    return own;
  }
}

function shardOf(key: string): number {
  let hash = 0;
  for (let at = 0; at < key.length; at += 1) hash = (Math.imul(hash, 31) + key.charCodeAt(at)) | 0;
  return (hash ^ (hash >>> 8) ^ (hash >>> 16)) & (SHARD_COUNT - 1);
}
