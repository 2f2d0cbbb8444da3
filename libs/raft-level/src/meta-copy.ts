/**
 * Reads the small database of a log's folder without changing it.
 *
 * LevelDB cannot be opened without writing, so a copy of its files is read, which goes away again.
 * It holds a snapshot and so may be large. Who repairs puts it beside the log, where there must be
 * room for more than it anyway; who only looks, elsewhere. A disk that fails the copy says nothing
 * of the log, and is told from damage. Used for damaged logs and by the offline verification.
 */
import { cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { Bug } from "@atoll/stdx";
import { failureOrDamage } from "./disk-check.ts";
import { LogDamagedError, StorageFailedError } from "./errors.ts";
import { exists } from "./exists.ts";
import { LevelDatabase } from "./level-database.ts";
import { META_FOLDER } from "./log-folder.ts";

const OPTIONS = { createIfMissing: false, writeBufferBytes: 4 * 1024 * 1024 };

/**
 * Gives what `read` gives. The copy lies in the folder `scratch`; what that held before goes.
 * @throws LogDamagedError when the database is missing or cannot be read, StorageFailedError or the
 * error of the file system when the disk fails.
 */
export async function withMetaCopy<T>(
  folder: string,
  scratch: string,
  read: (meta: LevelDatabase) => Promise<T>,
): Promise<T> {
  const source = join(folder, META_FOLDER);
  if (!(await exists(source))) {
    throw new LogDamagedError("the database", `its folder ${META_FOLDER} is missing`);
  }
  await rm(scratch, { recursive: true, force: true });
  try {
    await mkdir(scratch);
    const copy = join(scratch, META_FOLDER);
    await cp(source, copy, { recursive: true });
    const judge = async (error: unknown): Promise<never> => {
      if (error instanceof Bug || error instanceof LogDamagedError) throw error;
      const detail = error instanceof Error ? error.message : String(error);
      const failure = new StorageFailedError(detail.replaceAll(copy, source), { cause: error });
      throw await failureOrDamage(scratch, failure);
    };
    const meta = await LevelDatabase.open(copy, OPTIONS).catch(judge);
    try {
      return await read(meta);
    } catch (error) {
      // That is of a disk that `read` itself wrote to.
      if (error instanceof StorageFailedError) throw error;
      return await judge(error);
    } finally {
      await meta.close();
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
