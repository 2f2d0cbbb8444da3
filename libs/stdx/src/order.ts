/**
 * Orders that are the same everywhere.
 *
 * Replicated maps are always walked in these orders; locale-aware comparison is never used.
 */

/** Compares by UTF-16 code units: negative, zero or positive. */
export function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The keys of a map or record, sorted by {@link compareText}. */
export function sortedKeys(
  of: ReadonlyMap<string, unknown> | Readonly<Record<string, unknown>>,
): string[] {
  const keys = isMap(of) ? [...of.keys()] : Object.keys(of);
  return keys.toSorted(compareText);
}

/** The entries of a map or record, sorted by key. */
export function sortedEntries<V>(
  of: ReadonlyMap<string, V> | Readonly<Record<string, V>>,
): [string, V][] {
  const entries = isMap(of) ? [...of.entries()] : Object.entries(of);
  return entries.toSorted((left, right) => compareText(left[0], right[0]));
}

function isMap<V>(
  of: ReadonlyMap<string, V> | Readonly<Record<string, V>>,
): of is ReadonlyMap<string, V> {
  return of instanceof Map;
}
