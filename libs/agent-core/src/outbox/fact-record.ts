/**
 * A fact as it lies in the outbox: version, CRC32C, JSON.
 *
 * The checksum is ours because LevelDB can lose or damage records without a word.
 */
import type { Fact } from "@atoll/domain";
import { crc32c } from "@atoll/stdx";

const VERSION = 1;
const HEADER_BYTES = 5;

export function encodeFact(fact: Fact): Uint8Array {
  const text = Buffer.from(JSON.stringify(fact));
  const record = Buffer.allocUnsafe(HEADER_BYTES + text.length);
  record[0] = VERSION;
  record.writeUInt32LE(crc32c(text), 1);
  text.copy(record, HEADER_BYTES);
  return record;
}

/** Undefined when the record is damaged or of a version that is not known. */
export function decodeFact(record: Uint8Array): Fact | undefined {
  if (!isWhole(record)) return undefined;
  const text = Buffer.from(
    record.buffer,
    record.byteOffset + HEADER_BYTES,
    record.length - HEADER_BYTES,
  );
  return JSON.parse(text.toString("utf8")) as Fact;
}

export function isWhole(record: Uint8Array): boolean {
  if (record.length < HEADER_BYTES || record[0] !== VERSION) return false;
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  return view.getUint32(1, true) === crc32c(record, 0, HEADER_BYTES);
}
