/**
 * Reads the small database of a log's folder without changing it.
 *
 * LevelDB cannot be opened without writing, so a copy of its files is read in a temporary folder,
 * which goes away again. Used for damaged logs, whose folders stay as they are.
 */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LevelDatabase } from "./level-database.ts";
import { META_FOLDER } from "./log-folder.ts";

const WRITE_BUFFER_BYTES = 4 * 1024 * 1024;

/** @throws what `LevelDatabase.open` and `read` throw, and the error of a disk that has no room. */
export async function withMetaCopy<T>(
  folder: string,
  read: (meta: LevelDatabase) => Promise<T>,
): Promise<T> {
  const copy = await mkdtemp(join(tmpdir(), "atoll-meta-"));
  try {
    await cp(join(folder, META_FOLDER), copy, { recursive: true });
    const meta = await LevelDatabase.open(copy, {
      createIfMissing: false,
      writeBufferBytes: WRITE_BUFFER_BYTES,
    });
    try {
      return await read(meta);
    } finally {
      await meta.close();
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}
