/**
 * The ordered key-value store below the agent's database.
 *
 * Narrow, so that a failing disk, or one in memory, can stand in the place of LevelDB.
 */

export type StoreOperation =
  | { readonly type: "put"; readonly key: string; readonly value: Uint8Array }
  | { readonly type: "del"; readonly key: string };

export interface Store {
  /** Durable when it resolves; all or nothing. */
  write(operations: readonly StoreOperation[]): Promise<void>;
  getMany(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]>;
  scan(prefix: string): AsyncIterable<readonly [string, Uint8Array]>;
  close(): Promise<void>;
}
