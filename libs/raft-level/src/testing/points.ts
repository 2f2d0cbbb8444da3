/**
 * Opens a log from given contents of a disk, for tests that try many of them.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LevelLogStore, type OpenedStore } from "../level-log-store.ts";
import { FOUNDING, IDENTITY } from "./harness.ts";
import { MemoryDatabase } from "./memory-database.ts";

/** All that is on a disk. */
export interface DiskContent {
  readonly pairs: ReadonlyMap<string, Uint8Array>;
  readonly marker: Uint8Array;
}

export function openOn(database: MemoryDatabase, folder: string): Promise<OpenedStore> {
  return LevelLogStore.open({
    folder,
    identity: IDENTITY,
    founding: FOUNDING,
    openDatabase: () => Promise.resolve(database),
  });
}

/** Opens the log that `content` is, closes it, and gives what was recovered. */
export async function openContent(parent: string, content: DiskContent): Promise<OpenedStore> {
  const folder = await mkdtemp(join(parent, "point-"));
  await writeFile(join(folder, "durable-marker"), content.marker);
  try {
    const opened = await openOn(new MemoryDatabase(content.pairs), folder);
    await opened.store[Symbol.asyncDispose]();
    return opened;
  } finally {
    await rm(folder, { recursive: true });
  }
}
