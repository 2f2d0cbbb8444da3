/**
 * Checksums over bytes and text, without Node.
 *
 * CRC32C (RFC 3720, appendix B.4) finds damage on disk and wire. `Digest64` is a fast 64-bit
 * non-cryptographic digest for comparing states and specifications; neither protects against an
 * attacker.
 */

const TABLE_COUNT = 8;
const TABLES: readonly Uint32Array[] = makeTables();

/**
 * CRC32C of `bytes[start, end)`, as an unsigned 32-bit integer. Pass the result of an earlier call
 * as `seed` to continue over further bytes.
 */
export function crc32c(bytes: Uint8Array, seed = 0, start = 0, end: number = bytes.length): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES as readonly [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  let crc = ~seed;
  let at = start;
  for (; at + TABLE_COUNT <= end; at += TABLE_COUNT) {
    const low =
      crc ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24));
    crc =
      (t7[low & 0xff] as number) ^
      (t6[(low >>> 8) & 0xff] as number) ^
      (t5[(low >>> 16) & 0xff] as number) ^
      (t4[low >>> 24] as number) ^
      (t3[bytes[at + 4] as number] as number) ^
      (t2[bytes[at + 5] as number] as number) ^
      (t1[bytes[at + 6] as number] as number) ^
      (t0[bytes[at + 7] as number] as number);
  }
  for (; at < end; at += 1) {
    crc = (t0[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
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

function makeTables(): Uint32Array[] {
  const tables = Array.from({ length: TABLE_COUNT }, () => new Uint32Array(256));
  const first = tables[0] as Uint32Array;
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    first[byte] = crc >>> 0;
  }
  for (let table = 1; table < TABLE_COUNT; table += 1) {
    const previous = tables[table - 1] as Uint32Array;
    const current = tables[table] as Uint32Array;
    for (let byte = 0; byte < 256; byte += 1) {
      const crc = previous[byte] as number;
      current[byte] = ((first[crc & 0xff] as number) ^ (crc >>> 8)) >>> 0;
    }
  }
  return tables;
}
