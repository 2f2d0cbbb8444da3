/**
 * The ordered key-value store below the log, and LevelDB as the one that is used.
 *
 * Narrow on purpose: what the store needs and no more, so that tests can put faults between the
 * two. Every write is synced; LevelDB's un-synced writes can be lost behind a synced one when its
 * log file changes in between. Called by `LevelLogStore` alone.
 */
import { Level } from "level";
import { FolderLockedError, LogDamagedError, StorageFailedError } from "./errors.ts";

export interface DatabasePut {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Keys with `from <= key < to`, by unsigned bytes. */
export interface KeyRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

export interface Database {
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  /** Durable when the promise resolves; all or nothing. Key and value stay unchanged until then. */
  put(key: Uint8Array, value: Uint8Array): Promise<void>;
  /** Like {@link put} for several pairs at once. */
  putAll(pairs: readonly DatabasePut[]): Promise<void>;
  /** Pairs in the order of their keys, in pages of at most `pageMax`. */
  scan(
    range: KeyRange,
    pageMax: number,
  ): AsyncIterable<readonly (readonly [Uint8Array, Uint8Array])[]>;
  /** Removes a range. Not atomic and not synced: what is removed must already be meaningless. */
  remove(range: KeyRange): Promise<void>;
  close(): Promise<void>;
}

const SCAN_BYTES_MAX = 4 * 1024 * 1024;
/**
 * Half of the memory that LevelDB keeps before it writes a table file; a replay at start reads as
 * much.
 */
const WRITE_BUFFER_BYTES = 32 * 1024 * 1024;

export type OpenDatabase = (
  folder: string,
  options: { readonly createIfMissing: boolean },
) => Promise<Database>;

/**
 * Opens LevelDB in `folder`.
 * @throws FolderLockedError when somebody else has it open.
 * @throws LogDamagedError when LevelDB itself finds its files incomplete or corrupt.
 * @throws StorageFailedError on any other failure.
 */
export async function openLevelDatabase(
  folder: string,
  options: { readonly createIfMissing: boolean },
): Promise<Database> {
  const level = new Level<Uint8Array, Uint8Array>(folder, {
    keyEncoding: "view",
    valueEncoding: "view",
    compression: false,
    writeBufferSize: WRITE_BUFFER_BYTES,
    createIfMissing: options.createIfMissing,
  });
  try {
    await level.open();
  } catch (error) {
    throw toOpenError(folder, error);
  }
  return new LevelDatabase(level);
}

function toOpenError(folder: string, error: unknown): Error {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code = (cause as { code?: unknown } | undefined)?.code;
  if (code === "LEVEL_LOCKED") {
    return new FolderLockedError(`another process has the log in ${folder} open`, { cause });
  }
  if (code === "LEVEL_CORRUPTION") {
    return new LogDamagedError("the database", `LevelDB cannot read ${folder}`, { cause });
  }
  // LevelDB reports a database that should exist and does not as an invalid argument, without a
  // code.
  return new StorageFailedError(`cannot open the log in ${folder}`, { cause });
}

class LevelDatabase implements Database {
  readonly #level: Level<Uint8Array, Uint8Array>;

  constructor(level: Level<Uint8Array, Uint8Array>) {
    this.#level = level;
  }

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#level.get(key);
  }

  put(key: Uint8Array, value: Uint8Array): Promise<void> {
    return this.#level.put(key, value, SYNCED);
  }

  putAll(pairs: readonly DatabasePut[]): Promise<void> {
    return this.#level.batch(
      pairs.map(({ key, value }) => ({ type: "put" as const, key, value })),
      SYNCED,
    );
  }

  async *scan(
    range: KeyRange,
    pageMax: number,
  ): AsyncIterable<readonly (readonly [Uint8Array, Uint8Array])[]> {
    const iterator = this.#level.iterator<Uint8Array, Uint8Array>({
      gte: range.from,
      lt: range.to,
      fillCache: false,
      highWaterMarkBytes: SCAN_BYTES_MAX,
    });
    try {
      for (;;) {
        const page = await iterator.nextv(pageMax);
        if (page.length === 0) return;
        yield page;
      }
    } finally {
      await iterator.close();
    }
  }

  remove(range: KeyRange): Promise<void> {
    return this.#level.clear({ gte: range.from, lt: range.to });
  }

  close(): Promise<void> {
    return this.#level.close();
  }
}

const SYNCED = { sync: true };
