/**
 * What lies in the folder of a log, by name, and whether a folder is one.
 *
 * Others know a log's folder by `isLogFolder` alone; what is in it is nobody's business but this
 * package's.
 */
import { readdir } from "node:fs/promises";

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

/** Whether there is a log in the folder, or what is left of one. False where it cannot be read. */
export async function isLogFolder(path: string): Promise<boolean> {
  const names = await readdir(path).catch((): string[] => []);
  return names.includes(META_FOLDER) || names.includes(MARKER_FILE);
}
