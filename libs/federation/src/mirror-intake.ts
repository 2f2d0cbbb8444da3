/**
 * Takes the frames of a feed into a mirror, in order, a little at each turn of the loop.
 *
 * What arrives faster than it is applied waits here up to a bound; past it the feed is to be held
 * (`isFull`). A feed that leaves a gap, or whose state at a checkpoint is not that of the
 * mirror, is `broken` and never applied: the mirror is then fetched anew. Made for one feed and
 * dropped with it.
 */
import type { ReplicatedState } from "@atoll/control";
import { Bug } from "@atoll/stdx";
import type { FeedFrame, FeedItem } from "./feed-frame.ts";
import type { Hasher, Turns } from "./ports.ts";
import { stateDigest } from "./state-digest.ts";

/** The mirror as its feed changes it. */
export interface MirrorTarget {
  readonly state: ReplicatedState;
  apply(index: number, data: Uint8Array): void;
  /** The state is the present one until all of the other was taken. */
  restoreInPieces(index: number, groupId: string): PiecewiseRestore;
}

export interface PiecewiseRestore {
  take(chunk: Uint8Array): void;
  finish(): void;
}

export type Divergence =
  /** What came cannot be read here, for example an event of a later release. */
  | { readonly type: "unreadable"; readonly cause: unknown }
  /** A source that knows of no group has nothing to give. */
  | { readonly type: "nameless" }
  | { readonly type: "gap"; readonly applied: number; readonly next: number }
  | {
      readonly type: "digest";
      readonly index: number;
      readonly own: string;
      readonly source: string;
    };

export interface MirrorIntakeOptions {
  readonly target: MirrorTarget;
  readonly turns: Turns;
  readonly newHasher: () => Hasher;
  /** Of this software. */
  readonly version: string;
  /** The mirror was replaced by a whole state of the source. */
  readonly restored?: () => void;
  /** The mirror is not what the feed says; nothing more is taken from it. */
  readonly broken: (divergence: Divergence) => void;
  /** The state at a checkpoint was found to be that of the source. */
  readonly verified?: (index: number) => void;
}

/** Of entries, applied in one turn: about a millisecond. */
const TURN_BYTES = 16 * 1024;
const TURN_ENTRIES = 256;
/** Waiting for their turn; a few frames. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024;

interface Waiting {
  readonly frame: FeedFrame;
  readonly bytes: number;
  /** Of the entries of the frame, how many are applied. */
  done: number;
}

export class MirrorIntake {
  readonly #options: MirrorIntakeOptions;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #restore: PiecewiseRestore | undefined;
  #stepping = false;
  #closed = false;
  /** Digests of the own state by checkpoint, and of the source's, until both are there. */
  readonly #own = new Map<number, string>();
  readonly #told = new Map<number, string>();

  constructor(options: MirrorIntakeOptions) {
    this.#options = options;
  }

  /** True while the feed is to be held. */
  get isFull(): boolean {
    return this.#waitingBytes >= WAITING_BYTES_MAX;
  }

  take(frame: FeedFrame): void {
    if (this.#closed) return;
    const bytes = bytesOf(frame);
    this.#waiting.push({ frame, bytes, done: 0 });
    this.#waitingBytes += bytes;
    if (this.#stepping) return;
    this.#stepping = true;
    this.#step();
  }

  /** Nothing more is applied. */
  close(): void {
    this.#closed = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #step(): void {
    const first = this.#waiting[0];
    if (first === undefined || this.#closed) {
      this.#stepping = false;
      return;
    }
    if (this.#workOrBreak(first)) {
      this.#waiting.shift();
      this.#waitingBytes -= first.bytes;
    }
    this.#options.turns.soon(() => this.#step());
  }

  #workOrBreak(waiting: Waiting): boolean {
    try {
      return this.#work(waiting);
    } catch (cause) {
      if (cause instanceof Bug) throw cause;
      this.#break({ type: "unreadable", cause });
      return true;
    }
  }

  /** True when the frame is done with. */
  #work(waiting: Waiting): boolean {
    const { frame } = waiting;
    switch (frame.type) {
      case "entries":
        return this.#apply(waiting, frame.items);
      case "snapshot":
        this.#gather(frame);
        return true;
      case "position":
        return true;
      case "checkpoint":
        this.#remember(frame.index);
        return true;
      case "digest":
        if (frame.version === this.#options.version) {
          this.#told.set(frame.index, frame.digest);
          this.#compare(frame.index);
        }
        return true;
    }
  }

  #apply(waiting: Waiting, items: readonly FeedItem[]): boolean {
    const { target } = this.#options;
    let bytes = 0;
    for (let count = 0; count < TURN_ENTRIES && bytes < TURN_BYTES; count += 1) {
      const item = items[waiting.done];
      if (item === undefined) return true;
      const applied = target.state.appliedIndex;
      if (item.index > applied + 1) {
        this.#break({ type: "gap", applied, next: item.index });
        return true;
      }
      // After a move a source may repeat what is known.
      if (item.index === applied + 1) target.apply(item.index, item.data);
      bytes += item.data.length;
      waiting.done += 1;
    }
    return waiting.done >= items.length;
  }

  #gather(frame: Extract<FeedFrame, { type: "snapshot" }>): void {
    const { index, groupId, chunk, first, last } = frame;
    if (groupId === "") {
      this.#break({ type: "nameless" });
      return;
    }
    if (first) this.#restore = this.#options.target.restoreInPieces(index, groupId);
    if (this.#restore === undefined) {
      this.#break({ type: "gap", applied: this.#options.target.state.appliedIndex, next: index });
      return;
    }
    if (chunk.length > 0) this.#restore.take(chunk);
    if (!last) return;
    this.#own.clear();
    this.#told.clear();
    this.#restore.finish();
    this.#restore = undefined;
    this.#options.restored?.();
  }

  #remember(index: number): void {
    const { target } = this.#options;
    // A mirror that had more than the source cannot look back; the next checkpoint will do.
    if (target.state.appliedIndex !== index) return;
    stateDigest(target.state, this.#options, (digest) => {
      if (this.#closed) return;
      this.#own.set(index, digest);
      this.#compare(index);
    });
  }

  #compare(index: number): void {
    const own = this.#own.get(index);
    const source = this.#told.get(index);
    if (own === undefined || source === undefined) return;
    forgetThrough(this.#own, index);
    forgetThrough(this.#told, index);
    if (own === source) this.#options.verified?.(index);
    else this.#break({ type: "digest", index, own, source });
  }

  #break(divergence: Divergence): void {
    this.close();
    this.#options.broken(divergence);
  }
}

function forgetThrough(digests: Map<number, string>, index: number): void {
  for (const known of digests.keys()) if (known <= index) digests.delete(known);
}

function bytesOf(frame: FeedFrame): number {
  if (frame.type === "entries") {
    return frame.items.reduce((sum, { data }) => sum + data.length + 8, 0);
  }
  return frame.type === "snapshot" ? frame.chunk.length : 0;
}
