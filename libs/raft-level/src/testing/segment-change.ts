/**
 * Reads and changes the records of a closed log whose records lie in one segment, for tests.
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { segmentName } from "../log-folder.ts";
import { frameAfter, SEGMENT_HEADER_BYTES } from "../segment-frame.ts";
import { SegmentFile } from "../segment-file.ts";

/** By sequence, ascending. */
export type Records = Map<number, Uint8Array>;

function pathOf(folder: string): string {
  return join(folder, segmentName(1));
}

async function readRecords(folder: string): Promise<Records> {
  const segment = await SegmentFile.open(pathOf(folder), 1, "r");
  const records: Records = new Map();
  for await (const page of segment.pages(0, 100, 1_000_000)) {
    for (const [sequence, record] of page) records.set(sequence, record);
  }
  await segment.close();
  return records;
}

/** Puts a segment with exactly these records in the place of the first. */
export async function layRecords(folder: string, records: Records): Promise<void> {
  await rm(pathOf(folder), { force: true });
  const segment = await SegmentFile.create(pathOf(folder), 1);
  for (const [sequence, record] of records) await segment.append(sequence, record);
  await segment.close();
}

export async function changeRecords(
  folder: string,
  change: (records: Records) => void,
): Promise<void> {
  const records = await readRecords(folder);
  change(records);
  await layRecords(folder, records);
}

/** Flips a bit of a record; of its last byte when `byte` is -1. */
export function flipBit(records: Records, sequence: number, byte: number): void {
  const record = Uint8Array.from(records.get(sequence) as Uint8Array);
  const at = byte < 0 ? record.length + byte : byte;
  record[at] = (record[at] as number) ^ 0x10;
  records.set(sequence, record);
}

/** Flips a bit of the header that a record's frame has in the file. */
export async function flipFrameBit(folder: string, sequence: number, byte: number): Promise<void> {
  let at = SEGMENT_HEADER_BYTES + byte;
  for (const [each, record] of await readRecords(folder)) {
    if (each < sequence) at = frameAfter(at - byte, record.length) + byte;
  }
  const bytes = await readFile(pathOf(folder));
  bytes[at] = (bytes[at] as number) ^ 0x10;
  await writeFile(pathOf(folder), bytes);
}
