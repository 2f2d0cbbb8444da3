/**
 * Tells a disk that fails from files that are damaged, when LevelDB only says that it cannot open.
 *
 * A full, read-only or broken disk must end the replica: what is on it may be whole. Files that can
 * all be read, on a disk that takes a synced write, and that LevelDB refuses, are damaged. Used at
 * opening alone.
 */
import { open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** So much must find room, or an open log could not even start. */
const PROBE_BYTES = 64 * 1024;
const READ_BYTES = 1024 * 1024;

/** The error of the first thing that the disk refuses; undefined when it does all it should. */
export async function diskError(folder: string): Promise<Error | undefined> {
  try {
    await readAll(folder);
    await probeWrite(join(folder, "disk-probe"));
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

async function readAll(folder: string): Promise<void> {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = await open(join(entry.parentPath, entry.name), "r");
    try {
      while ((await file.read(buffer, 0, READ_BYTES)).bytesRead > 0);
    } finally {
      await file.close();
    }
  }
}

async function probeWrite(path: string): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.write(Buffer.alloc(PROBE_BYTES));
    await file.sync();
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}
