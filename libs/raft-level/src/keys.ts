/**
 * How things are addressed in the database; records lie in files of their own.
 *
 *     i                      identity: whose log this is
 *     c <id 8> <number 4>    one chunk of a snapshot
 *     r <sequence 8>         one packed record of the log
 *     s                      state: where the log begins, and which snapshot counts
 *
 * Numbers are big-endian, so that keys sort as numbers do.
 */
import type { KeyRange } from "./database.ts";

export const IDENTITY_KEY: Uint8Array = Uint8Array.of(0x69);
export const STATE_KEY: Uint8Array = Uint8Array.of(0x73);

const CHUNK_PREFIX = 0x63;
const RECORD_PREFIX = 0x72;

export function recordKey(sequence: number): Uint8Array {
  return numbered(RECORD_PREFIX, sequence, 9);
}

/** The sequence in a record's key, or undefined when the key has another form. */
export function sequenceOfKey(key: Uint8Array): number | undefined {
  if (key.length !== 9 || key[0] !== RECORD_PREFIX) return undefined;
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return view.getUint32(1) * 2 ** 32 + view.getUint32(5);
}

export function chunkKey(snapshotId: number, number: number): Uint8Array {
  const key = numbered(CHUNK_PREFIX, snapshotId, 13);
  new DataView(key.buffer).setUint32(9, number);
  return key;
}

/** Records with `from <= sequence < to`; to the end of all records when `to` is left out. */
export function recordRange(from: number, to?: number): KeyRange {
  return {
    from: recordKey(from),
    to: to === undefined ? Uint8Array.of(RECORD_PREFIX + 1) : recordKey(to),
  };
}

/** All chunks of snapshots with `from <= id < to`. */
export function snapshotRange(from: number, to?: number): KeyRange {
  return {
    from: chunkKey(from, 0),
    to: to === undefined ? Uint8Array.of(CHUNK_PREFIX + 1) : chunkKey(to, 0),
  };
}

function numbered(prefix: number, value: number, length: number): Uint8Array {
  const key = new Uint8Array(length);
  const view = new DataView(key.buffer);
  key[0] = prefix;
  view.setUint32(1, Math.floor(value / 2 ** 32));
  view.setUint32(5, value >>> 0);
  return key;
}
