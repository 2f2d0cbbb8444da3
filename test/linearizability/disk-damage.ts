/**
 * What a disk can do to the folder of a log while the replica is down.
 *
 * Files only; knows nothing of processes. Which bytes are hit is the caller's: it must know that
 * they were durable. A run never fills the first segment, so all records are in it.
 */
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

export const SEGMENT = "segment-00000001.log";
const MARKER = "durable-marker";
/** More than the zeros between two records, so that a record or its header is always hit. */
const FLIPPED_BYTES = 8;

/** Where the last byte of the records is: behind them there are zeros. */
export function endOfRecords(folder: string): number {
  return readFileSync(join(folder, SEGMENT)).findLastIndex((byte) => byte !== 0);
}

/** Flips a bit in each of a few bytes, from `at` on. */
export function flipBytes(folder: string, at: number): void {
  const file = join(folder, SEGMENT);
  const bytes = readFileSync(file);
  for (let next = at; next < at + FLIPPED_BYTES; next += 1) {
    bytes[next] = (bytes[next] as number) ^ 0x10;
  }
  writeFileSync(file, bytes);
}

export function cutShort(folder: string, at: number): void {
  truncateSync(join(folder, SEGMENT), at);
}

export function loseMarker(folder: string): void {
  rmSync(join(folder, MARKER));
}

export function emptyFolder(folder: string): void {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
}

/** Makes `to` the same as `from`. */
export function copyFolder(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to);
  cpSync(from, to, { recursive: true });
}
