/**
 * One LevelDB, with every write synced.
 *
 * LevelDB's un-synced writes can be lost behind a synced one when its log file changes in between,
 * so there are none. Errors of opening get their names here. Used by `SegmentedDatabase`.
 */
import { Level } from "level";
import type { DatabasePut, KeyPage, KeyRange } from "./database.ts";
import { FolderLockedError, LogDamagedError, StorageFailedError } from "./errors.ts";

export interface LevelDatabaseOptions {
  readonly createIfMissing: boolean;
  /** LevelDB keeps so much in memory before it writes a table file. */
  readonly writeBufferBytes: number;
}

const SCAN_BYTES_MAX = 4 * 1024 * 1024;
const SYNCED = { sync: true };

export class LevelDatabase {
  readonly #level: Level<Uint8Array, Uint8Array>;

  private constructor(level: Level<Uint8Array, Uint8Array>) {
    this.#level = level;
  }

  /**
   * @throws FolderLockedError when somebody else has it open.
   * @throws LogDamagedError when LevelDB itself finds its files incomplete or corrupt.
   * @throws StorageFailedError on any other failure.
   */
  static async open(folder: string, options: LevelDatabaseOptions): Promise<LevelDatabase> {
    const level = new Level<Uint8Array, Uint8Array>(folder, {
      keyEncoding: "view",
      valueEncoding: "view",
      compression: false,
      writeBufferSize: options.writeBufferBytes,
      createIfMissing: options.createIfMissing,
    });
    try {
      await level.open();
    } catch (error) {
      throw toOpenError(folder, error);
    }
    return new LevelDatabase(level);
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

  async *scan(range: KeyRange, pageMax: number): AsyncIterable<KeyPage> {
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

function toOpenError(folder: string, error: unknown): Error {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code = (cause as { code?: unknown } | undefined)?.code;
  if (code === "LEVEL_LOCKED") {
    return new FolderLockedError(`another process has the log in ${folder} open`, { cause });
  }
  if (code === "LEVEL_CORRUPTION") {
    return new LogDamagedError("the database", `LevelDB cannot read ${folder}`, { cause });
  }
  // A database that should exist and does not is, to LevelDB, an invalid argument without a code.
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new StorageFailedError(`cannot open the log in ${folder}: ${detail}`, { cause });
}
