/**
 * The agent's store in LevelDB, as it is used on a node.
 *
 * Apart from the rest of the package, so that an agent without a disk needs no native module.
 */
import { Level } from "level";
import type { Store, StoreOperation } from "./store.ts";

/** Another agent has the folder open. */
export class FolderLockedError extends Error {
  override name = "FolderLockedError";
  readonly code = "FOLDER_LOCKED";
  readonly retryable = true;
}

/** LevelDB finds its own files incomplete or corrupt. */
export class StoreDamagedError extends Error {
  override name = "StoreDamagedError";
  readonly code = "STORE_DAMAGED";
  readonly retryable = false;
}

/** Small: an agent stores little, and its memory is somebody else's. */
const MEMORY = { writeBufferSize: 1_048_576, cacheSize: 524_288, maxOpenFiles: 64 };
const PAGE_ENTRIES = 256;
/** Sorts after every character that keys hold. */
const KEY_END = "\uffff";

/** @throws FolderLockedError, StoreDamagedError, or what the disk says. */
export async function openLevelStore(folder: string): Promise<Store> {
  const level = new Level<string, Uint8Array>(folder, {
    keyEncoding: "utf8",
    valueEncoding: "view",
    compression: false,
    ...MEMORY,
  });
  try {
    await level.open();
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    const code = (cause as { code?: unknown } | undefined)?.code;
    if (code === "LEVEL_LOCKED") {
      const message = `another agent is using ${folder}: one data folder serves one agent`;
      throw new FolderLockedError(message, { cause });
    }
    if (code === "LEVEL_CORRUPTION") {
      throw new StoreDamagedError(`LevelDB cannot read ${folder}`, { cause });
    }
    throw error;
  }
  return new LevelStore(level);
}

class LevelStore implements Store {
  readonly #level: Level<string, Uint8Array>;

  constructor(level: Level<string, Uint8Array>) {
    this.#level = level;
  }

  write(operations: readonly StoreOperation[]): Promise<void> {
    return this.#level.batch([...operations], { sync: true });
  }

  getMany(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#level.getMany([...keys]);
  }

  async *scan(prefix: string): AsyncIterable<readonly [string, Uint8Array]> {
    const range = { gte: prefix, lt: prefix + KEY_END, fillCache: false };
    const iterator = this.#level.iterator(range);
    try {
      for (;;) {
        const page = await iterator.nextv(PAGE_ENTRIES);
        if (page.length === 0) return;
        yield* page;
      }
    } finally {
      await iterator.close();
    }
  }

  close(): Promise<void> {
    return this.#level.close();
  }
}
