/**
 * What lies in the folder of a log, by name, and whether a folder is one.
 *
 * Others know a log's folder by `isLogFolder` alone; what is in it is nobody's business but this
 * package's. The segments beside these two are the database's own.
 */
import { readdir } from "node:fs/promises";

/** Of the database with identity, state and snapshots. */
export const META_FOLDER = "meta";
/** How far the log was known to be durable. */
export const MARKER_FILE = "durable-marker";

/** Whether there is a log in the folder, or what is left of one. False where it cannot be read. */
export async function isLogFolder(path: string): Promise<boolean> {
  const names = await readdir(path).catch((): string[] => []);
  return names.includes(META_FOLDER) || names.includes(MARKER_FILE);
}
