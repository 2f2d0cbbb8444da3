/**
 * What federation needs from the outside. All by callback; services and the simulator drive the
 * same code.
 */
import type { FeedFrame, FeedItem } from "./feed-frame.ts";

/** The loop: what is called `soon` runs after everything else that is due had its turn. */
export interface Turns {
  soon(run: () => void): void;
}

/** A log as it can be read: from the first entry that is kept to the last that is known. */
export interface EntryReader {
  /**
   * Entries with `from <= index < to`, at least one; fewer when they would exceed `maxBytes`. Fails
   * with `{ code: "COMPACTED" }` when `from` is not kept any more.
   */
  readEntries(
    range: { readonly from: number; readonly to: number; readonly maxBytes: number },
    done: (error: Error | undefined, items: readonly FeedItem[]) => void,
  ): void;
}

/** Where the frames for one reader go. It holds what it is given until it can be sent. */
export interface FeedSink {
  readonly closed: boolean;
  /** False: the next one is to wait for `whenDrained`. */
  write(frame: FeedFrame): boolean;
  /** Calls once. */
  whenDrained(then: () => void): void;
  /** The log cannot be read: the reader is to go elsewhere. */
  fail(error: Error): void;
}

/** Equal states give equal digests, on every machine and in every later release. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  digest(): string;
}
