/**
 * The ordered key-value store below the log, as the log sees it.
 *
 * Narrow on purpose: what the store needs and no more, so that tests can put faults between the
 * two. Every write is synced. The adapter in use is `SegmentedDatabase`; called by `LevelLogStore`
 * alone.
 */

export interface DatabasePut {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Keys with `from <= key < to`, by unsigned bytes. */
export interface KeyRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

export type KeyPage = readonly (readonly [Uint8Array, Uint8Array])[];

export interface Database {
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  /** Durable when the promise resolves; all or nothing. Key and value stay unchanged until then. */
  put(key: Uint8Array, value: Uint8Array): Promise<void>;
  /** Like {@link put} for several pairs at once, none of them a record of the log. */
  putAll(pairs: readonly DatabasePut[]): Promise<void>;
  /** Pairs in the order of their keys, in pages of at most `pageMax`. */
  scan(range: KeyRange, pageMax: number): AsyncIterable<KeyPage>;
  /** Removes a range. Not atomic and not synced: what is removed must already be meaningless. */
  remove(range: KeyRange): Promise<void>;
  /** Like {@link remove} for records below `sequence`, but may leave some of them for later. */
  forgetRecords(sequence: number): Promise<void>;
  close(): Promise<void>;
}

export type OpenDatabase = (
  folder: string,
  options: { readonly createIfMissing: boolean },
) => Promise<Database>;
