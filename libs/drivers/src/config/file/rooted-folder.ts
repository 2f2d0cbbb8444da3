/**
 * An open folder that is certainly below the root, whatever others do to paths meanwhile.
 *
 * Paths are resolved once; everything after goes through the descriptor (`/proc/self/fd/N/name`),
 * so swapping a parent for a symbolic link cannot lead a write elsewhere. Links inside the root are
 * followed, links out of it refused.
 */
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readlink, realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, normalize } from "node:path";
import { DriverError, systemCode, toDriverError } from "../../errors.ts";

const FOLDER_MODE = 0o755;

export class RootedFolder implements AsyncDisposable {
  /** Of the managed file, in this folder. */
  readonly name: string;
  /** Folders that had to be made, outermost first, as paths below the root. */
  readonly created: readonly string[];
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle, name: string, created: readonly string[]) {
    this.#handle = handle;
    this.name = name;
    this.created = created;
  }

  /**
   * The folder of the managed path. With `create`, missing folders are made; without, a missing one
   * gives undefined.
   * @throws DriverError PATH_REFUSED, NOT_PERMITTED, STORAGE_FAILED
   */
  static async open(
    root: string,
    path: string,
    create: boolean,
  ): Promise<RootedFolder | undefined> {
    checkPath(path);
    const realRoot = await realpath(root);
    const { existing, missing } = await deepestFolder(realRoot, dirname(path), path);
    if (missing.length > 0 && !create) return undefined;
    let handle = await openChecked(existing, realRoot, path);
    const created: string[] = [];
    try {
      for (const part of missing) {
        const inner = join(through(handle), part);
        const isNew = await makeFolder(inner);
        const next = await open(inner, constants.O_DIRECTORY | constants.O_NOFOLLOW);
        await handle.sync();
        await handle.close();
        handle = next;
        const made = await readlink(through(handle));
        if (isNew) created.push(made.slice(realRoot === "/" ? 0 : realRoot.length));
      }
      return new RootedFolder(handle, basename(path), created);
    } catch (error) {
      await handle.close();
      throw toDriverError(`making the folder of ${path}`, error);
    }
  }

  /** A path to an entry of this folder that stays good while the folder is open. */
  entry(name: string = this.name): string {
    return join(through(this.#handle), name);
  }

  async sync(): Promise<void> {
    await this.#handle.sync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

/** @throws DriverError PATH_REFUSED unless the path is absolute, normalised, and names a file. */
export function checkPath(path: string): void {
  const fine =
    isAbsolute(path) &&
    normalize(path) === path &&
    path !== "/" &&
    !path.endsWith("/") &&
    !path.includes("\0");
  if (!fine) {
    throw new DriverError("PATH_REFUSED", `${JSON.stringify(path)} is not a plain absolute path`);
  }
}

async function deepestFolder(
  realRoot: string,
  folder: string,
  path: string,
): Promise<{ existing: string; missing: string[] }> {
  const missing: string[] = [];
  for (let part = folder; ; part = dirname(part)) {
    try {
      const existing = await realpath(join(realRoot, part));
      return { existing, missing };
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw toDriverError(`resolving ${path}`, error);
      if (part === "/") throw toDriverError("resolving the root folder", error);
      // A link to nowhere does not resolve, but mkdir would not replace it: it fails there,
      // clearly.
      missing.unshift(basename(part));
    }
  }
}

async function openChecked(folder: string, realRoot: string, path: string): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(folder, constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    if (systemCode(error) === "ENOTDIR") {
      const reason = `${path}: ${folder} is not a folder`;
      throw new DriverError("PATH_REFUSED", reason, { cause: error });
    }
    throw toDriverError(`opening the folder of ${path}`, error);
  }
  const real = await readlink(through(handle));
  if (real === realRoot || real.startsWith(realRoot === "/" ? "/" : `${realRoot}/`)) return handle;
  await handle.close();
  throw new DriverError("PATH_REFUSED", `${path} leads out of the root folder, to ${real}`);
}

function through(handle: FileHandle): string {
  return `/proc/self/fd/${handle.fd}`;
}

/** Makes a folder; false when another writer made it in the same moment. */
async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: FOLDER_MODE });
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code === "EEXIST") return false;
    throw error;
  }
}
