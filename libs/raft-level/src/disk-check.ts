/**
 * Tells a disk that fails from files that are damaged, when LevelDB only says that it cannot open.
 *
 * A full, read-only or broken disk must end the replica: what is on it may be whole. Files that can
 * all be read, on a disk that takes as much as LevelDB may write when it opens, and that LevelDB
 * refuses, are damaged. Used wherever LevelDB is opened.
 */
import { open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { LogDamagedError, StorageFailedError } from "./errors.ts";

/** So much must find room, or an open log could not even start. */
const PROBE_BYTES = 64 * 1024;
const READ_BYTES = 1024 * 1024;

/** The error of the first thing that the disk refuses; undefined when it does all it should. */
export async function diskError(folder: string): Promise<Error | undefined> {
  try {
    await probeWrite(join(folder, "disk-probe"), PROBE_BYTES + (await readAll(folder)));
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** What a failure of LevelDB in `folder` is: the disk's, with its error as the cause, or damage. */
export async function failureOrDamage(folder: string, failure: Error): Promise<Error> {
  const cause = await diskError(folder);
  if (cause !== undefined) return new StorageFailedError(failure.message, { cause });
  return new LogDamagedError("the database", failure.message, { cause: failure });
}

/** Gives the size of what LevelDB writes into tables when it opens: its own logs. */
async function readAll(folder: string): Promise<number> {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  let logBytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const isLog = /^[0-9]+\.log$/.test(entry.name);
    const file = await open(join(entry.parentPath, entry.name), "r");
    try {
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, READ_BYTES);
        if (bytesRead === 0) break;
        if (isLog) logBytes += bytesRead;
      }
    } finally {
      await file.close();
    }
  }
  return logBytes;
}

async function probeWrite(path: string, bytes: number): Promise<void> {
  const zeros = Buffer.alloc(PROBE_BYTES);
  const file = await open(path, "w");
  try {
    for (let at = 0; at < bytes;) {
      // A disk that is almost full takes a part, and says why only when it is given the rest.
      const { bytesWritten } = await file.write(zeros, 0, Math.min(PROBE_BYTES, bytes - at), at);
      if (bytesWritten === 0) throw new StorageFailedError("the disk takes no more");
      at += bytesWritten;
    }
    await file.sync();
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}
