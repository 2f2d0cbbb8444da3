/**
 * Files that are there whole or not at all, also after a power cut.
 *
 * A temporary file in the same folder, fsync, rename, fsync of the folder. Used for the drivers'
 * own records; the file driver does the same steps on managed files with modes and owners.
 */
import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** What a temporary file's name begins with; leftovers of a crash are known by it. */
export const TEMPORARY_PREFIX = ".atoll-";

export interface FileAttributes {
  readonly mode: number;
  /** Absent: left as the process makes it. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** Replaces `path`. Its folder must exist. Durable when the promise resolves. */
export async function replaceFile(
  path: string,
  content: string | Uint8Array,
  attributes: FileAttributes,
): Promise<void> {
  const unique = `${TEMPORARY_PREFIX}${randomBytes(6).toString("hex")}-${basename(path)}`;
  const temporary = join(dirname(path), unique.slice(0, 200));
  try {
    await writeSynced(temporary, content, attributes);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Makes the folder's entries durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeSynced(
  path: string,
  content: string | Uint8Array,
  attributes: FileAttributes,
): Promise<void> {
  const handle: FileHandle = await open(path, "wx", 0o600);
  try {
    await handle.writeFile(content);
    if (attributes.owner !== undefined) {
      await handle.chown(attributes.owner.uid, attributes.owner.gid);
    }
    // After chown, which clears the set-user-id bits.
    await handle.chmod(attributes.mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
