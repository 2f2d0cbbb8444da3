/**
 * What the contract suite of `LogStore` writes, and how it compares.
 *
 * Entries and snapshots are made from their positions, so that no two are mistaken for each other.
 * Comparisons throw with both sides. Called by the suite alone.
 */
import { assert, canonicalJson, crc32c } from "@atoll/stdx";
import type { Entry, EntryType, Membership, SnapshotMetadata } from "raft-ts";
import { membershipOf } from "raft-ts";

/** Founds every store under test. */
export const CONTRACT_MEMBERSHIP: Membership = membershipOf([1, 2, 3]);

/** The value of a callback; throws its error. */
export function given<T>(error: Error | undefined, value: T | undefined): T {
  if (error !== undefined) throw error;
  assert(value !== undefined, "neither an error nor a value");
  return value;
}

/** The error must carry the stable code of what was compacted away. */
export function expectCompacted(error: Error | undefined): void {
  equal((error as { readonly code?: unknown } | undefined)?.code, "COMPACTED", "error code");
}

/** Entries `from` to `from + count - 1` of one term. */
export function entriesOf(from: number, count: number, term: number): Entry[] {
  return Array.from({ length: count }, (_, at) => {
    return entryOf(from + at, term, "data", (from + at) % 90);
  });
}

/** An entry whose bytes depend on index and term, so that no two are mistaken for each other. */
export function entryOf(index: number, term: number, type: EntryType, sizeBytes: number): Entry {
  const data = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 1) data[at] = (index * 31 + term * 7 + at) & 0xff;
  return { index, term, type, data };
}

/** A snapshot whose bytes depend on index and term, in chunks of the given sizes. */
export function snapshotOf(
  index: number,
  term: number,
  sizes: readonly number[],
): { metadata: SnapshotMetadata; chunks: Uint8Array[]; content: Uint8Array } {
  const chunks = sizes.map((sizeBytes, at) => entryOf(index + at, term, "data", sizeBytes).data);
  const sizeBytes = sizes.reduce((sum, size) => sum + size, 0);
  const content = new Uint8Array(sizeBytes);
  let at = 0;
  for (const chunk of chunks) {
    content.set(chunk, at);
    at += chunk.length;
  }
  const checksum = crc32c(content);
  const metadata = { index, term, membership: CONTRACT_MEMBERSHIP, sizeBytes, checksum };
  return { metadata, chunks, content };
}

/** Deep equality of plain data. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  const found = canonicalJson(actual ?? null);
  const wanted = canonicalJson(expected ?? null);
  assert(found === wanted, `${what}: ${found} instead of ${wanted}`);
}

/** Equal lengths and bytes. */
export function equalBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  const sameLength = actual.length === expected.length;
  const same = sameLength && actual.every((byte, at) => byte === expected[at]);
  assert(same, `${what}: other bytes, ${actual.length} instead of ${expected.length}`);
}

/** Equal in everything, data included. */
export function equalEntries(actual: readonly Entry[], expected: readonly Entry[]): void {
  assert(actual.length === expected.length, `${actual.length} entries, not ${expected.length}`);
  for (const [at, entry] of actual.entries()) {
    const wanted = expected[at] as Entry;
    const { index, term, type } = entry;
    equal(
      { index, term, type },
      { index: wanted.index, term: wanted.term, type: wanted.type },
      `entry ${wanted.index}`,
    );
    equalBytes(entry.data, wanted.data, `data of entry ${index}`);
  }
}
