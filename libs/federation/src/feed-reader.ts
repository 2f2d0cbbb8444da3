/**
 * One reader of a log: what it has, and what comes next for it.
 *
 * It has one frame or one read under way and no queue. Used by `LogFeed`.
 */
import type { ReplicatedState } from "@atoll/control";
import type { FeedFrame, FeedItem } from "./feed-frame.ts";
import type { FeedStart } from "./log-feed.ts";
import type { EntryReader, FeedSink, Turns } from "./ports.ts";
import type { RecentEntries } from "./recent-entries.ts";

export const FRAME_BYTES_MAX: number = 128 * 1024;

export interface ReaderSource {
  readonly state: ReplicatedState;
  readonly store: EntryReader;
  readonly recent: RecentEntries;
  readonly groupId: string;
  readonly turns: Turns;
}

export class FeedReader {
  readonly #sink: FeedSink;
  readonly #source: ReaderSource;
  #groupId: string;
  /** The index it gets next; 0 while it is to get a snapshot. */
  #next: number;
  #busy = false;
  #quietBeats = 0;
  /** Counts snapshots that were forced upon it: what was under way before is dropped. */
  #generation = 0;
  /** Behind which entry it is to be told to remember its state; 0 for none. */
  #checkpoint = 0;
  /** The checkpoint that it was told of. */
  #remembered = 0;
  #digest: FeedFrame | undefined;

  constructor(sink: FeedSink, source: ReaderSource, { fromIndex, groupId }: FeedStart) {
    this.#sink = sink;
    this.#source = source;
    this.#groupId = source.groupId;
    // What it knows may be of another group's log, or of more than there is here.
    const foreign = groupId !== "" && groupId !== source.groupId;
    this.#next = foreign ? 0 : fromIndex;
  }

  /** Sends what there is to send. */
  wake(): void {
    if (this.#busy || this.#sink.closed) return;
    if (this.#next === 0) {
      this.#sendSnapshot();
    } else if (this.#checkpoint === this.#next - 1 && this.#checkpoint !== 0) {
      this.#remembered = this.#checkpoint;
      this.#checkpoint = 0;
      this.#write([{ type: "checkpoint", index: this.#remembered }]);
    } else if (this.#digest !== undefined && this.#checkpoint === 0) {
      const frame = this.#digest;
      this.#digest = undefined;
      this.#write([frame]);
    } else if (this.#next <= this.#source.state.appliedIndex) {
      this.#sendEntries();
    }
  }

  /** A sign of life when there was nothing else to send. */
  beat(realtimeMs: number): void {
    this.#quietBeats += 1;
    if (this.#busy || this.#quietBeats < 2) return;
    this.#write([{ type: "position", index: this.#source.state.appliedIndex, realtimeMs }]);
  }

  checkpoint(index: number): void {
    // Who is beyond it, or gets a snapshot, cannot look back.
    this.#checkpoint = this.#next !== 0 && this.#next - 1 <= index ? index : 0;
    this.#digest = undefined;
    this.wake();
  }

  /** What the state at a checkpoint was; of no use to who was not told of it. */
  digest(index: number, digest: string, version: string): void {
    if (this.#checkpoint !== index && this.#remembered !== index) return;
    this.#digest = { type: "digest", index, digest, version };
    this.wake();
  }

  startAnew(groupId: string): void {
    this.#groupId = groupId;
    this.#generation += 1;
    this.#next = 0;
    this.#checkpoint = 0;
    this.#remembered = 0;
    this.#digest = undefined;
    this.wake();
  }

  #sendEntries(): void {
    const { recent, store, state } = this.#source;
    const last = this.#checkpoint === 0 ? state.appliedIndex : this.#checkpoint;
    const kept = recent.read(this.#next, FRAME_BYTES_MAX);
    if (kept !== undefined) {
      this.#sendItems(kept.filter(({ index }) => index <= last));
      return;
    }
    this.#busy = true;
    const range = { from: this.#next, to: last + 1, maxBytes: FRAME_BYTES_MAX };
    const generation = this.#generation;
    store.readEntries(range, (error, items) => {
      this.#busy = false;
      if (this.#sink.closed) return;
      if (generation !== this.#generation) this.wake();
      else if ((error as { code?: unknown } | undefined)?.code === "COMPACTED") {
        this.#sendSnapshot();
      } else if (error !== undefined) this.#sink.fail(error);
      else this.#sendItems(items);
    });
  }

  #sendItems(items: readonly FeedItem[]): void {
    const last = items.at(-1);
    if (last === undefined) return;
    this.#next = last.index + 1;
    this.#write([{ type: "entries", items }]);
  }

  #sendSnapshot(): void {
    const { state } = this.#source;
    const index = state.appliedIndex;
    this.#next = index + 1;
    this.#checkpoint = 0;
    const chunks = index === 0 ? [] : state.snapshotInSlices();
    this.#write(snapshotFrames(chunks, index, this.#groupId));
  }

  /** Each frame is made when the sink takes it: a large state is encoded at the reader's pace. */
  #write(frames: Iterable<FeedFrame>): void {
    this.#quietBeats = 0;
    this.#busy = true;
    const { turns } = this.#source;
    const rest = frames[Symbol.iterator]();
    const generation = this.#generation;
    const step = (): void => {
      if (this.#sink.closed) return;
      const next = generation === this.#generation ? rest.next() : { done: true as const };
      if (next.done === true) {
        this.#busy = false;
        this.wake();
      } else if (this.#sink.write(next.value)) {
        // One frame in a turn: a long history must not starve the loop.
        turns.soon(step);
      } else {
        this.#sink.whenDrained(step);
      }
    };
    step();
  }
}

function* snapshotFrames(
  chunks: Iterable<Uint8Array>,
  index: number,
  groupId: string,
): Generator<FeedFrame> {
  const part = { type: "snapshot", index, groupId } as const;
  yield { ...part, chunk: new Uint8Array(0), first: true, last: false };
  for (const chunk of chunks) {
    if (chunk.length > 0) yield { ...part, chunk, first: false, last: false };
  }
  yield { ...part, chunk: new Uint8Array(0), first: false, last: true };
}
