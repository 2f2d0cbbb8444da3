/**
 * The map with nothing in it.
 *
 * Most of a node's maps are empty most of the time, and an empty map of its own takes 200 bytes. It
 * is nobody's to write to: aggregates are immutable, and a change begins with a copy.
 */
const EMPTY: ReadonlyMap<never, never> = new Map<never, never>();

export function emptyMap<K, V>(): ReadonlyMap<K, V> {
  return EMPTY as ReadonlyMap<unknown, unknown> as ReadonlyMap<K, V>;
}

/** The map itself, or the empty one in its place. */
export function mapOrEmpty<K, V>(map: ReadonlyMap<K, V>): ReadonlyMap<K, V> {
  return map.size === 0 ? emptyMap() : map;
}
