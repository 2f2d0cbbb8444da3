/**
 * Serves a log from any index that is kept, without gap, for as long as somebody reads.
 *
 * Entries leave only after they were applied here, so they are committed. Readers that are close
 * are served from memory, others from the store; who asks for what is compacted, or comes from
 * another group's log, gets a snapshot first. A slow reader is waited for and holds up nobody. Used
 * by orchestrator replicas for their datacenter, and by gateways for what they mirror.
 */
import type { ReplicatedState } from "@atoll/control";
import { FeedReader } from "./feed-reader.ts";
import type { EntryReader, FeedSink, Hasher, Turns } from "./ports.ts";
import { RecentEntries } from "./recent-entries.ts";
import { stateDigest } from "./state-digest.ts";

export interface LogFeedOptions {
  readonly state: ReplicatedState;
  readonly store: EntryReader;
  /** The Raft group whose log it is; may change when the state is restored. */
  readonly groupId: () => string;
  readonly turns: Turns;
  readonly newHasher: () => Hasher;
  /** Of this software. */
  readonly version: string;
}

export interface FeedStart {
  /** The first index wanted; 0 for a snapshot first. */
  readonly fromIndex: number;
  /** The group whose log `fromIndex` is of; empty for whichever it is. */
  readonly groupId: string;
}

export class LogFeed {
  readonly #options: LogFeedOptions;
  readonly #recent: RecentEntries = new RecentEntries();
  readonly #readers = new Set<FeedReader>();
  #wakeRequested = false;
  #digesting = false;

  constructor(options: LogFeedOptions) {
    this.#options = options;
    options.state.onApplied((index, _entry, data) => {
      if (index !== this.#recent.lastIndex + 1) this.#recent.clear();
      this.#recent.push(index, data);
      this.#wakeSoon();
    });
  }

  get readerCount(): number {
    return this.#readers.size;
  }

  /** Serves one more reader; returns what ends it. */
  serve(sink: FeedSink, start: FeedStart): () => void {
    const { state, store, turns } = this.#options;
    const groupId = this.#options.groupId();
    const recent = this.#recent;
    const reader = new FeedReader(sink, { state, store, recent, groupId, turns }, start);
    this.#readers.add(reader);
    reader.wake();
    return () => this.#readers.delete(reader);
  }

  /** Tells readers to whom there was nothing to send for a while how far the log is. */
  beat(realtimeMs: number): void {
    for (const reader of this.#readers) reader.beat(realtimeMs);
  }

  /**
   * Lets all readers compare their state with this one: each is told where, and the digest once it
   * is known. One that is under way goes on.
   */
  checkpoint(): void {
    const { state } = this.#options;
    const index = state.appliedIndex;
    if (this.#digesting || index === 0 || this.#readers.size === 0) return;
    this.#digesting = true;
    for (const reader of this.#readers) reader.checkpoint(index);
    stateDigest(state, this.#options, (digest) => {
      this.#digesting = false;
      for (const reader of this.#readers) reader.digest(index, digest, this.#options.version);
    });
  }

  /** The state was replaced by another one: every reader starts anew. */
  restored(): void {
    this.#recent.clear();
    for (const reader of this.#readers) reader.startAnew(this.#options.groupId());
  }

  #wakeSoon(): void {
    if (this.#wakeRequested) return;
    this.#wakeRequested = true;
    this.#options.turns.soon(() => {
      this.#wakeRequested = false;
      for (const reader of this.#readers) reader.wake();
    });
  }
}
