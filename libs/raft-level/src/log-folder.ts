/**
 * What lies in the folder of a log and beside it, by name, and whether a folder is one.
 *
 * Others know a log's folder by `isLogFolder` alone; what is in it is nobody's business but this
 * package's.
 */
import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { LogDamagedError } from "./errors.ts";
import { SEGMENT_HEADER_BYTES } from "./segment-frame.ts";

/** Of the database with identity, state and snapshots. */
export const META_FOLDER = "meta";
/** How far the log was known to be durable. */
export const MARKER_FILE = "durable-marker";

/** The name of the file with the records of a segment. */
export function segmentName(number: number): string {
  return `segment-${String(number).padStart(8, "0")}.log`;
}

/** The numbers of the segments among `names`, ascending. */
export function segmentNumbers(names: readonly string[]): number[] {
  return names
    .map((name) => /^segment-([0-9]{8,})\.log$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .toSorted((one, other) => one - other);
}

/** Of the file that becomes a segment once it has a header. */
export function beginningName(number: number): string {
  return `new-${number}`;
}

/** What a crash left of making segments, among `names`. */
export function beginningsIn(names: readonly string[]): string[] {
  return names.filter((name) => /^new-[0-9]+$/.test(name));
}

/** Of the file of a segment that is compacted. */
export function spareName(number: number): string {
  return `spare-${number}`;
}

export function sparesIn(names: readonly string[]): string[] {
  return names.filter((name) => /^spare-[0-9]+$/.test(name));
}

/**
 * A segment that was never finished has no record; one that has is no such thing.
 * @throws LogDamagedError
 */
export async function refuseUsedBeginnings(
  folder: string,
  names: readonly string[],
): Promise<void> {
  for (const name of beginningsIn(names)) {
    const { size } = await stat(join(folder, name));
    if (size <= SEGMENT_HEADER_BYTES) continue;
    throw new LogDamagedError("the database", `${name} holds records`);
  }
}

/**
 * What a repair makes beside a log's folder: the log that takes its place, while it is written and
 * when it is finished, and a copy of the database to be read.
 */
export function namesBeside(folder: string): {
  readonly writing: string;
  readonly finished: string;
  readonly metaCopy: string;
} {
  const path = resolve(folder);
  return {
    writing: `${path}.repairing`,
    finished: `${path}.repaired`,
    metaCopy: `${path}.meta`,
  };
}

/** Whether there is a log in the folder, or what is left of one. False where it cannot be read. */
export async function isLogFolder(path: string): Promise<boolean> {
  const names = await readdir(path).catch((): string[] => []);
  return names.includes(META_FOLDER) || names.includes(MARKER_FILE);
}
