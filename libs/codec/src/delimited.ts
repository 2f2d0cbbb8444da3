/**
 * Lengths before records, as protobuf's delimited streams have them.
 */
import { DecodeError } from "./decode-error.ts";

const LENGTH_BYTES_MAX = 5;

export function writeLength(length: number): Uint8Array {
  const bytes: number[] = [];
  let rest = length;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/**
 * The length written at `at`, and where what it measures begins. Throws {@link DecodeError} when
 * there is none.
 */
export function readLength(
  bytes: Uint8Array,
  at: number,
): { readonly length: number; readonly next: number } {
  let length = 0;
  for (let place = 0; place < LENGTH_BYTES_MAX; place += 1) {
    const byte = bytes[at + place];
    if (byte === undefined) break;
    length += (byte & 0x7f) * 128 ** place;
    if (byte < 0x80) return { length, next: at + place + 1 };
  }
  throw new DecodeError(`no length at byte ${at}`);
}

/** Where the record that begins at `at` ends; undefined when `bytes` end before it. */
export function delimitedEnd(bytes: Uint8Array, at: number): number | undefined {
  const first = bytes.subarray(at, at + LENGTH_BYTES_MAX);
  const whole = first.length === LENGTH_BYTES_MAX || first.some((byte) => byte < 0x80);
  if (!whole) return undefined;
  const { length, next } = readLength(bytes, at);
  return next + length <= bytes.length ? next + length : undefined;
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array;
  let size = 0;
  for (const part of parts) size += part.length;
  const joined = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
