/**
 * Records every change of the files below a folder, in order, for tests that stop between any two.
 *
 * Stands between the store and `node:fs/promises` for a whole process, so a test file that uses it
 * has its process to itself. LevelDB writes past Node: what lies in its folder is taken as it is
 * after each of its calls. The order is that of completion, which is one that the disk may have
 * seen. Never changes what the store sees.
 */
import { readdirSync, readFileSync } from "node:fs";
import fs, { constants, type FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join, relative } from "node:path";
import { LevelDatabase } from "../level-database.ts";

/** One change of the disk. Paths are relative to the recorded folder. */
export type DiskChange =
  | { readonly type: "create"; readonly path: string; readonly truncates: boolean }
  | {
      readonly type: "write";
      readonly path: string;
      readonly at: number;
      readonly bytes: Buffer;
      /** Durable when it was told, though not by that the name of the file. */
      readonly synced: boolean;
    }
  | { readonly type: "truncate"; readonly path: string; readonly length: number }
  | { readonly type: "rename"; readonly path: string; readonly to: string }
  | { readonly type: "remove"; readonly path: string }
  | { readonly type: "makeFolder"; readonly path: string }
  /** What the file holds, or the names in the folder, became durable. */
  | { readonly type: "sync"; readonly path: string }
  /** All files of a LevelDB, all of its writes synced. */
  | { readonly type: "level"; readonly path: string; readonly files: ReadonlyMap<string, Buffer> };

type Told = (change: DiskChange) => void;
type WriteAt = (
  buffer: Uint8Array,
  offset: number,
  length: number,
  at: number,
) => Promise<{ readonly bytesWritten: number }>;

/** Tells `told` of every change below `root`, after it was made, until the result is called. */
export function recordDisk(root: string, told: Told): () => void {
  const recorder = new DiskRecorder(root, told);
  const { open, rename, rm, mkdir } = fs;
  Object.assign(fs, {
    open: async (path: string, flags?: string | number, mode?: number) => {
      const file = await open(path, flags, mode);
      recorder.opened(file, path, flags);
      return file;
    },
    rename: async (path: string, to: string) => {
      await rename(path, to);
      recorder.renamed(path, to);
    },
    rm: async (path: string, options?: Parameters<typeof rm>[1]) => {
      await rm(path, options);
      recorder.tell(path, (own) => ({ type: "remove", path: own }));
    },
    mkdir: async (path: string, options?: Parameters<typeof mkdir>[1]) => {
      const made = await mkdir(path, options);
      recorder.tell(path, (own) => ({ type: "makeFolder", path: own }));
      return made;
    },
  });
  syncBuiltinESMExports();
  const restoreLevel = recordLevel(recorder);
  return () => {
    Object.assign(fs, { open, rename, rm, mkdir });
    syncBuiltinESMExports();
    restoreLevel();
  };
}

class DiskRecorder {
  readonly #root: string;
  readonly #told: Told;
  /** What each open file is called now. */
  readonly #paths = new Map<FileHandle, string>();

  constructor(root: string, told: Told) {
    this.#root = root;
    this.#told = told;
  }

  tell(path: string, change: (own: string) => DiskChange): void {
    if (this.#holds(path)) this.#told(change(relative(this.#root, path)));
  }

  renamed(path: string, to: string): void {
    this.tell(path, (own) => ({ type: "rename", path: own, to: relative(this.#root, to) }));
    for (const [file, old] of this.#paths) {
      const within = old === path || old.startsWith(`${path}/`);
      if (within) this.#paths.set(file, to + old.slice(path.length));
    }
  }

  opened(file: FileHandle, path: string, flags: string | number = "r"): void {
    if (!this.#holds(path)) return;
    this.#paths.set(file, path);
    const truncates = typeof flags === "string" && flags.startsWith("w");
    const bits = typeof flags === "number" ? flags : 0;
    if (truncates || (bits & constants.O_CREAT) > 0) {
      this.tell(path, (own) => ({ type: "create", path: own, truncates }));
    }
    const synced = (bits & constants.O_DSYNC) > 0;
    Object.assign(file, this.#recordedWrites(file, synced), this.#recordedSyncs(file));
    const unknown = (): never => {
      throw new Error(`${path} is written in a way that is not recorded`);
    };
    for (const name of ["writeFile", "appendFile", "createWriteStream"]) {
      Object.assign(file, { [name]: unknown });
    }
  }

  #recordedWrites(file: FileHandle, synced: boolean): object {
    const write = file.write.bind(file) as WriteAt;
    const { writev, truncate } = file;
    const wrote = (bytes: Buffer, bytesWritten: number, at: number): void => {
      const path = this.#paths.get(file) as string;
      if (!Number.isSafeInteger(at)) throw new Error(`${path} is written without a place`);
      const written = bytes.subarray(0, bytesWritten);
      this.tell(path, (own) => ({ type: "write", path: own, at, bytes: written, synced }));
    };
    return {
      write: async (buffer: Uint8Array, offset: number, length: number, at: number) => {
        const bytes = Buffer.from(buffer.subarray(offset, offset + length));
        const result = await write(buffer, offset, length, at);
        wrote(bytes, result.bytesWritten, at);
        return result;
      },
      writev: async (parts: readonly Uint8Array[], at: number) => {
        const bytes = Buffer.concat(parts);
        const result = await writev.call(file, parts, at);
        wrote(bytes, result.bytesWritten, at);
        return result;
      },
      truncate: async (length: number) => {
        await truncate.call(file, length);
        const path = this.#paths.get(file) as string;
        this.tell(path, (own) => ({ type: "truncate", path: own, length }));
      },
    };
  }

  #recordedSyncs(file: FileHandle): object {
    const recorded = (call: () => Promise<void>) => async (): Promise<void> => {
      await call.call(file);
      this.tell(this.#paths.get(file) as string, (own) => ({ type: "sync", path: own }));
    };
    return { sync: recorded(file.sync), datasync: recorded(file.datasync) };
  }

  /** Takes what lies in the folder of a LevelDB. */
  level(folder: string): void {
    this.tell(folder, (path) => ({ type: "level", path, files: filesOf(folder) }));
  }

  #holds(path: string): boolean {
    return !relative(this.#root, path).startsWith("..");
  }
}

/** LevelDB's own calls that change its folder. */
function recordLevel(recorder: DiskRecorder): () => void {
  const folders = new WeakMap<LevelDatabase, string>();
  const { open } = LevelDatabase;
  const { put, putAll, remove } = LevelDatabase.prototype;
  LevelDatabase.open = async (folder, options) => {
    const level = await open.call(LevelDatabase, folder, options);
    folders.set(level, folder);
    recorder.level(folder);
    return level;
  };
  const recorded = <Words extends unknown[]>(
    call: (this: LevelDatabase, ...words: Words) => Promise<void>,
  ) =>
    async function (this: LevelDatabase, ...words: Words): Promise<void> {
      await call.apply(this, words);
      recorder.level(folders.get(this) as string);
    };
  Object.assign(LevelDatabase.prototype, {
    put: recorded(put),
    putAll: recorded(putAll),
    remove: recorded(remove),
  });
  return () => {
    LevelDatabase.open = open;
    Object.assign(LevelDatabase.prototype, { put, putAll, remove });
  };
}

/** Its lock and its notes for people are not part of what it holds. */
function filesOf(folder: string): ReadonlyMap<string, Buffer> {
  for (;;) {
    const names = readdirSync(folder).filter((name) => !/^(?:LOCK|LOG|LOG\.old)$/.test(name));
    try {
      return new Map(names.map((name) => [name, readFileSync(join(folder, name))]));
    } catch (error) {
      // LevelDB tidies up by itself; what it removed meanwhile is not listed again.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}
