/**
 * Checksums over bytes and text, without Node.
 *
 * CRC32C (RFC 3720, appendix B.4) finds damage on disk and wire. `Digest64` is a fast 64-bit
 * non-cryptographic digest for comparing states and specifications; neither protects against an
 * attacker.
 */

/** So many bytes are taken at a time, each by a table of its own ("slicing"). */
const SLICE_BYTES = 16;
/** The tables, one after the other; that of the last byte of a slice comes first. */
const TABLES: Int32Array = makeTables();

/**
 * CRC32C of `bytes[start, end)`, as an unsigned 32-bit integer. Pass the result of an earlier call
 * as `seed` to continue over further bytes.
 */
export function crc32c(bytes: Uint8Array, seed = 0, start = 0, end: number = bytes.length): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let crc = ~seed;
  let at = start;
  for (; at + SLICE_BYTES <= end; at += SLICE_BYTES) {
    crc =
      sliced(crc ^ view.getInt32(at, true), 12) ^
      sliced(view.getInt32(at + 4, true), 8) ^
      sliced(view.getInt32(at + 8, true), 4) ^
      sliced(view.getInt32(at + 12, true), 0);
  }
  for (; at < end; at += 1) crc = table(0, crc ^ (bytes[at] as number)) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Four bytes of a slice, the last of which goes through the table with the number `last`. */
function sliced(word: number, last: number): number {
  return (
    table(last + 3, word) ^
    table(last + 2, word >>> 8) ^
    table(last + 1, word >>> 16) ^
    table(last, word >>> 24)
  );
}

function table(number: number, byte: number): number {
  return TABLES[(number << 8) | (byte & 0xff)] as number;
}

/**
 * A running 64-bit digest of text and integers; the same input gives the same digest everywhere.
 */
export class Digest64 {
  #low = 0x84222325;
  #high = 0xcbf29ce4;

  /** Takes in text, code unit by code unit, closed by its length. */
  text(value: string): this {
    for (let at = 0; at < value.length; at += 1) this.#mix(value.charCodeAt(at));
    this.#mix(value.length ^ 0x5bd1e995);
    return this;
  }

  /** Takes in a safe integer. */
  integer(value: number): this {
    this.#mix(value | 0);
    this.#mix(Math.floor(value / 2 ** 32) | 0);
    return this;
  }

  /** Takes in bytes, closed by their count. */
  bytes(value: Uint8Array): this {
    for (let at = 0; at < value.length; at += 1) this.#mix(value[at] as number);
    this.#mix(value.length ^ 0x1b873593);
    return this;
  }

  /** The digest so far as 16 hexadecimal digits. */
  hex(): string {
    const low = finish(this.#low ^ Math.imul(this.#high, 0x9e3779b1));
    const high = finish(this.#high ^ Math.imul(low, 0x85ebca77));
    return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
  }

  #mix(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x01000193);
    this.#high = Math.imul(this.#high + value, 0x85ebca6b) ^ (this.#low >>> 15);
  }
}

/** The {@link Digest64} of one text. */
export function digestText(value: string): string {
  return new Digest64().text(value).hex();
}

function finish(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function makeTables(): Int32Array {
  const tables = new Int32Array(SLICE_BYTES * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at += 1) {
    const previous = tables[at - 256] as number;
    tables[at] = (tables[previous & 0xff] as number) ^ (previous >>> 8);
  }
  return tables;
}
