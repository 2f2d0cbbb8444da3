/**
 * One packed record of the log: everything that became durable with one fsync.
 *
 * Little-endian; counters are 8 bytes.
 *
 *      0  magic "ATLR"            4  version (4)
 *      8  checksum: CRC-32 (zlib's) of all bytes from 12 on
 *     12  entry count            16  identity digest (16)
 *     32  sequence               40  first index        48  term before the first index
 *     56  hard state: term       64  hard state: vote   72  hard state: commit
 *     80  hash of the previous record (16)
 *     96  table: per entry its data's length (4), type (1), zero (3), term (8)
 *         data of all entries, one after the other
 *
 * The hash of a record covers header and checksum, and so everything; the next record repeats it.
 * One checksum for all of a record, because a record is written, read and lost as a whole, and
 * zlib's is native (docs/adr/0011).
 */
import { hash } from "node:crypto";
import { crc32 } from "node:zlib";
import { assert } from "@atoll/stdx";
import type { Entry, EntryType, HardState } from "raft-ts";

export const HEADER_BYTES = 96;
export const ROW_BYTES = 16;
export const HASH_BYTES = 16;

const MAGIC = 0x524c5441;
const RECORD_VERSION = 3;
const TYPES: readonly EntryType[] = ["data", "noop", "membership"];

export interface RecordHeader {
  readonly sequence: number;
  /** The index of the first entry; where there is none, the index the next entry would have had. */
  readonly firstIndex: number;
  readonly count: number;
  /** The term of the entry before `firstIndex`. */
  readonly previousTerm: number;
  /** In force from this record on. */
  readonly hardState: HardState;
  readonly previousHash: Uint8Array;
}

export interface DecodedRecord extends RecordHeader {
  readonly entries: readonly Entry[];
  readonly hash: Uint8Array;
}

/** How many bytes a record with these entries takes. */
export function recordBytes(entries: readonly Entry[]): number {
  let bytes = HEADER_BYTES + entries.length * ROW_BYTES;
  for (const entry of entries) bytes += entry.data.length;
  return bytes;
}

/**
 * Packs a record into `target`, which has {@link recordBytes} bytes.
 * Returns the hash that the next record repeats.
 */
export function encodeRecord(
  target: Buffer,
  identity: Uint8Array,
  header: Omit<RecordHeader, "count">,
  entries: readonly Entry[],
): Uint8Array {
  const tableEnd = HEADER_BYTES + entries.length * ROW_BYTES;
  const end = packEntries(target, header.firstIndex, entries, tableEnd);
  assert(end === target.length, "a record of another size than foreseen");
  target.writeUInt32LE(MAGIC, 0);
  target.writeUInt32LE(RECORD_VERSION, 4);
  target.writeUInt32LE(entries.length, 12);
  target.set(identity, 16);
  writeCounter(target, header.sequence, 32);
  writeCounter(target, header.firstIndex, 40);
  writeCounter(target, header.previousTerm, 48);
  writeCounter(target, header.hardState.term, 56);
  writeCounter(target, header.hardState.vote, 64);
  writeCounter(target, header.hardState.commit, 72);
  target.set(header.previousHash, 80);
  target.writeUInt32LE(crc32(target.subarray(12)), 8);
  return hashOf(target);
}

function packEntries(
  target: Buffer,
  firstIndex: number,
  entries: readonly Entry[],
  tableEnd: number,
): number {
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  let row = HEADER_BYTES;
  let at = tableEnd;
  for (let number = 0; number < entries.length; number += 1) {
    const { index, term, type, data } = entries[number] as Entry;
    assert(index === firstIndex + number, `entry ${index} in the place of ${firstIndex + number}`);
    target.set(data, at);
    view.setUint32(row, data.length, true);
    view.setUint32(row + 4, TYPES.indexOf(type), true);
    view.setUint32(row + 8, term >>> 0, true);
    view.setUint32(row + 12, Math.floor(term / 2 ** 32), true);
    row += ROW_BYTES;
    at += data.length;
  }
  return at;
}

/**
 * Unpacks and verifies a record. Returns the reason, a sentence without its end, when it is not
 * exactly what `encodeRecord` made for this identity. Data of the entries are views into `bytes`.
 */
export function decodeRecord(bytes: Uint8Array, identity: Uint8Array): DecodedRecord | string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < HEADER_BYTES) return `it has ${buffer.length} bytes only`;
  if (buffer.readUInt32LE(0) !== MAGIC) return "it does not begin like a record";
  if (buffer.readUInt32LE(4) !== RECORD_VERSION) return "it has an unknown version";
  if (buffer.readUInt32LE(8) !== crc32(buffer.subarray(12))) return "its checksum does not match";
  const count = buffer.readUInt32LE(12);
  const tableEnd = HEADER_BYTES + count * ROW_BYTES;
  if (tableEnd > buffer.length) return "its table is cut off";
  if (Buffer.compare(buffer.subarray(16, 32), identity) !== 0)
    return "it belongs to another replica";
  const firstIndex = readCounter(buffer, 40);
  const entries = unpackEntries(buffer, firstIndex, count, tableEnd);
  if (typeof entries === "string") return entries;
  return {
    sequence: readCounter(buffer, 32),
    firstIndex,
    count,
    previousTerm: readCounter(buffer, 48),
    hardState: {
      term: readCounter(buffer, 56),
      vote: readCounter(buffer, 64),
      commit: readCounter(buffer, 72),
    },
    previousHash: buffer.subarray(80, 80 + HASH_BYTES),
    entries,
    hash: hashOf(buffer),
  };
}

function unpackEntries(
  buffer: Buffer,
  firstIndex: number,
  count: number,
  tableEnd: number,
): readonly Entry[] | string {
  const entries: Entry[] = [];
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const plain = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  let row = HEADER_BYTES;
  let at = tableEnd;
  for (let number = 0; number < count; number += 1) {
    const end = at + view.getUint32(row, true);
    if (end > buffer.length) return `its entry ${firstIndex + number} is cut off`;
    const type = TYPES[view.getUint32(row + 4, true)];
    const term = view.getUint32(row + 8, true) + view.getUint32(row + 12, true) * 2 ** 32;
    if (type === undefined) return `its entry ${firstIndex + number} has an unknown type`;
    entries.push({ index: firstIndex + number, term, type, data: plain.subarray(at, end) });
    row += ROW_BYTES;
    at = end;
  }
  return at === buffer.length ? entries : `${buffer.length - at} bytes follow its last entry`;
}

function hashOf(record: Buffer): Uint8Array {
  return hash("sha256", record.subarray(0, HEADER_BYTES), "buffer").subarray(0, HASH_BYTES);
}

function writeCounter(target: Buffer, value: number, at: number): void {
  target.writeUInt32LE(value >>> 0, at);
  target.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}

function readCounter(source: Buffer, at: number): number {
  return source.readUInt32LE(at) + source.readUInt32LE(at + 4) * 2 ** 32;
}
