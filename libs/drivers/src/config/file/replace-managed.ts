/**
 * Puts a file, or what was there before it, in its place: all or nothing, with mode and owner.
 *
 * Both steps of a replacement are apart, so that the driver can make its record durable between
 * them.
 */
import { randomBytes } from "node:crypto";
import { lstat, open, readFile, readlink, rename, rm, symlink } from "node:fs/promises";
import type { RenderedFile } from "@atoll/domain";
import { type FileAttributes, TEMPORARY_PREFIX } from "../../durable-file.ts";
import { DriverError, systemCode } from "../../errors.ts";
import { findGroup, findUser } from "./accounts.ts";
import type { OriginalFile } from "./file-record.ts";
import type { RootedFolder } from "./rooted-folder.ts";

/**
 * A complete file under a temporary name; `commit` puts it in place, disposal without it leaves
 * nothing.
 */
export class PreparedFile implements AsyncDisposable {
  readonly #folder: RootedFolder;
  readonly #temporary: string;
  #committed = false;

  private constructor(folder: RootedFolder, temporary: string) {
    this.#folder = folder;
    this.#temporary = temporary;
  }

  static async write(
    folder: RootedFolder,
    content: string | Uint8Array,
    attributes: FileAttributes,
  ): Promise<PreparedFile> {
    const prepared = new PreparedFile(folder, folder.entry(temporaryName()));
    try {
      await prepared.#write(content, attributes);
    } catch (error) {
      await prepared[Symbol.asyncDispose]();
      throw error;
    }
    return prepared;
  }

  static async link(folder: RootedFolder, target: string): Promise<PreparedFile> {
    const prepared = new PreparedFile(folder, folder.entry(temporaryName()));
    await symlink(target, prepared.#temporary);
    return prepared;
  }

  async commit(): Promise<void> {
    await rename(this.#temporary, this.#folder.entry());
    this.#committed = true;
    await this.#folder.sync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#committed) await rm(this.#temporary, { force: true });
  }

  async #write(content: string | Uint8Array, attributes: FileAttributes): Promise<void> {
    const handle = await open(this.#temporary, "wx", 0o600);
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
}

/** @throws DriverError ACCOUNT_UNKNOWN */
export async function attributesOf(file: RenderedFile): Promise<FileAttributes> {
  const mode = Number.parseInt(file.mode, 8);
  if (file.owner === undefined && file.group === undefined) return { mode };
  const uid = file.owner === undefined ? process.geteuid?.() : await findUser(file.owner);
  const gid = file.group === undefined ? process.getegid?.() : await findGroup(file.group);
  return { mode, owner: { uid: uid ?? 0, gid: gid ?? 0 } };
}

/**
 * What stands in the file's place now, with its content when it is a file.
 * @throws DriverError PATH_REFUSED for a folder or device.
 */
export async function readOriginal(
  folder: RootedFolder,
  path: string,
): Promise<{ original: OriginalFile; content: Uint8Array | undefined }> {
  const entry = folder.entry();
  let found;
  try {
    found = await lstat(entry);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
    return { original: { type: "none" }, content: undefined };
  }
  if (found.isSymbolicLink()) {
    return { original: { type: "link", target: await readlink(entry) }, content: undefined };
  }
  if (!found.isFile()) {
    throw new DriverError("PATH_REFUSED", `${path} is not a file and is left alone`);
  }
  const { mode, uid, gid } = found;
  const original = { type: "file", mode: mode & 0o7777, uid, gid } as const;
  return { original, content: await readFile(entry) };
}

function temporaryName(): string {
  return `${TEMPORARY_PREFIX}${randomBytes(8).toString("hex")}`;
}
