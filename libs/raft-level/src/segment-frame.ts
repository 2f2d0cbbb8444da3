/**
 * How a segment lies in its file: a header, then frames with one record each.
 *
 * Little-endian; counters are 8 bytes.
 *
 *     header   0  magic "ATLS" (4), version (4)    8  segment number (8)    16  nonce (8)
 *             24  CRC32C of bytes 0 to 24 (4), zero (36)
 *     frame    0  magic "ATLF" (4)                 4  record length (4)      8  sequence (8)
 *             16  CRC32C of bytes 0 to 16, begun with the header's (4), zero (4)
 *             24  the record, then zeros up to a multiple of 8
 *
 * What a record holds is checked by the record itself. A frame only says where it begins and ends,
 * and of which segment it is: the nonce is in every checksum, so that bytes of an entry do not pass
 * for a frame. Behind the last frame there are zeros, or what a crash left of a write. Pure. Used
 * by `SegmentFile` and `scanFrames`.
 */
import { crc32c } from "@atoll/stdx";

export const SEGMENT_HEADER_BYTES = 64;
export const FRAME_HEADER_BYTES = 24;

const SEGMENT_MAGIC = 0x534c5441;
const SEGMENT_VERSION = 1;
const NONCE_BYTES = 8;
const FRAME_MAGIC = 0x464c5441;
const FRAME_MAGIC_BYTES: Buffer = Buffer.from("ATLF", "latin1");
const ALIGNMENT = 8;

/** A record within the file. */
export interface FramePlace {
  readonly sequence: number;
  /** Where the frame begins. */
  readonly at: number;
  /** Of the record, without the frame's header. */
  readonly bytes: number;
}

/** `nonce` has 8 bytes; another one for each segment that was ever made. */
export function encodeSegmentHeader(number: number, nonce: Uint8Array): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  header.writeUInt32LE(SEGMENT_MAGIC, 0);
  header.writeUInt32LE(SEGMENT_VERSION, 4);
  header.writeBigUInt64LE(BigInt(number), 8);
  header.set(nonce.subarray(0, NONCE_BYTES), 16);
  header.writeUInt32LE(crc32c(header, 0, 0, 24), 24);
  return header;
}

/** What every checksum of the segment's frames begins with; or why this is no header, in words. */
export function decodeSegmentHeader(header: Buffer, number: number): number | string {
  if (header.length < SEGMENT_HEADER_BYTES) return "its header is cut off";
  if (header.readUInt32LE(0) !== SEGMENT_MAGIC) return "it does not begin like a segment";
  const checksum = header.readUInt32LE(24);
  if (crc32c(header, 0, 0, 24) !== checksum) return "the checksum of its header does not match";
  if (header.readUInt32LE(4) !== SEGMENT_VERSION) return "it has an unknown version";
  const found = header.readBigUInt64LE(8);
  return found === BigInt(number) ? checksum : `segment ${found} is in its place`;
}

/** Writes the header of a frame into the start of `target`. */
export function encodeFrameHeader(
  target: Buffer,
  seed: number,
  sequence: number,
  recordBytes: number,
): void {
  target.writeUInt32LE(FRAME_MAGIC, 0);
  target.writeUInt32LE(recordBytes, 4);
  target.writeBigUInt64LE(BigInt(sequence), 8);
  target.writeUInt32LE(crc32c(target, seed, 0, 16), 16);
  target.writeUInt32LE(0, 20);
}

/** The frame whose header begins at `offset` of `window`, which lies at `base` in the file. */
export function decodeFrameHeader(
  window: Buffer,
  offset: number,
  seed: number,
  base: number,
): FramePlace | undefined {
  if (window.readUInt32LE(offset) !== FRAME_MAGIC) return undefined;
  if (window.readUInt32LE(offset + 16) !== crc32c(window, seed, offset, offset + 16)) {
    return undefined;
  }
  if (window.readUInt32LE(offset + 20) !== 0) return undefined;
  const sequence = Number(window.readBigUInt64LE(offset + 8));
  return { sequence, at: base + offset, bytes: window.readUInt32LE(offset + 4) };
}

/** Where the next bytes that look like the start of a frame are, from `offset` on; -1 for none. */
export function findFrameMagic(window: Buffer, offset: number): number {
  return window.indexOf(FRAME_MAGIC_BYTES, offset);
}

/** Where a frame that follows a record of `recordBytes` at `at` begins. */
export function frameAfter(at: number, recordBytes: number): number {
  const end = at + FRAME_HEADER_BYTES + recordBytes;
  return Math.ceil(end / ALIGNMENT) * ALIGNMENT;
}
