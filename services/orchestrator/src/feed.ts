/**
 * Serves the datacenter's log from any index that is kept, without gap, for as long as somebody
 * listens.
 *
 * Entries leave only after they were applied here, so they are committed. A reader that is slow is
 * waited for: each stream has one frame under way and no queue of its own. Readers that ask for
 * what is compacted get a snapshot first.
 */
import type { ReplicatedState } from "@atoll/control";
import type { FeedRequest, FeedResponse } from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { LogStore } from "@atoll/raft-replica";
import type { ServerWritableStream } from "@grpc/grpc-js";
import { type FeedItem, RecentEntries } from "./recent-entries.ts";

const FRAME_BYTES_MAX = 512 * 1024;
const POSITION_EVERY_MS = 1_000;

type FeedCall = ServerWritableStream<FeedRequest, FeedResponse>;

export class Feed {
  readonly #state: ReplicatedState;
  readonly #store: LogStore;
  readonly #groupId: string;
  readonly #recent: RecentEntries = new RecentEntries();
  readonly #followers = new Set<Follower>();
  readonly #timer: NodeJS.Timeout;
  #wakeRequested = false;

  constructor(options: { state: ReplicatedState; store: LogStore; groupId: string }) {
    this.#state = options.state;
    this.#groupId = options.groupId;
    this.#store = options.store;
    this.#state.onApplied((index, _entry, data) => {
      if (index !== this.#recent.lastIndex + 1) this.#recent.clear();
      this.#recent.push(index, data);
      this.#wakeSoon();
    });
    this.#timer = setInterval(() => {
      for (const follower of this.#followers) follower.beat();
    }, POSITION_EVERY_MS);
  }

  get followerCount(): number {
    return this.#followers.size;
  }

  /** Handles one call of `OrchestratorService.Feed`. */
  serve(call: FeedCall): void {
    const follower = new Follower(call, {
      state: this.#state,
      store: this.#store,
      recent: this.#recent,
      groupId: this.#groupId,
    });
    this.#followers.add(follower);
    call.on("cancelled", () => this.#followers.delete(follower));
    call.on("close", () => this.#followers.delete(follower));
    call.on("error", () => this.#followers.delete(follower));
    follower.wake();
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const follower of this.#followers) follower.end();
    this.#followers.clear();
  }

  #wakeSoon(): void {
    if (this.#wakeRequested) return;
    this.#wakeRequested = true;
    setImmediate(() => {
      this.#wakeRequested = false;
      for (const follower of this.#followers) follower.wake();
    });
  }
}

class Follower {
  readonly #call: FeedCall;
  readonly #state: ReplicatedState;
  readonly #store: LogStore;
  readonly #recent: RecentEntries;
  readonly #groupId: string;
  #next: number;
  #busy = false;
  #quietBeats = 0;

  constructor(
    call: FeedCall,
    source: {
      readonly state: ReplicatedState;
      readonly store: LogStore;
      readonly recent: RecentEntries;
      readonly groupId: string;
    },
  ) {
    this.#call = call;
    this.#state = source.state;
    this.#store = source.store;
    this.#recent = source.recent;
    this.#groupId = source.groupId;
    const { fromIndex, groupId } = call.request;
    // What the caller knows is of another group's log: it must start anew.
    const foreign = groupId !== "" && groupId !== source.groupId;
    this.#next = foreign ? 0 : fromIndex;
  }

  wake(): void {
    if (this.#busy || this.#call.cancelled || this.#call.destroyed) return;
    if (this.#next === 0) {
      this.#sendSnapshot();
      return;
    }
    if (this.#next > this.#state.appliedIndex) return;
    const kept = this.#recent.read(this.#next, FRAME_BYTES_MAX);
    if (kept !== undefined) {
      this.#sendEntries(kept);
      return;
    }
    this.#busy = true;
    const range = { from: this.#next, to: this.#state.appliedIndex + 1, maxBytes: FRAME_BYTES_MAX };
    this.#store.readEntries(range, (error, found) => {
      this.#busy = false;
      if (error === undefined && found !== undefined && found.entries.length > 0) {
        this.#sendEntries(
          found.entries.map(({ index, type, data }) => ({
            index,
            data: type === "data" ? data : new Uint8Array(0),
          })),
        );
      } else if ((error as { code?: unknown } | undefined)?.code === "COMPACTED") {
        this.#sendSnapshot();
      } else if (error !== undefined) {
        this.#call.destroy(error);
      }
    });
  }

  /** A sign of life when there was nothing else to send. */
  beat(): void {
    this.#quietBeats += 1;
    if (this.#busy || this.#quietBeats < 2) return;
    this.#write([
      {
        content: {
          $case: "position",
          value: { commitIndex: this.#state.appliedIndex, realtimeMs: Date.now() },
        },
      },
    ]);
  }

  end(): void {
    this.#call.end();
  }

  #sendEntries(items: readonly FeedItem[]): void {
    this.#next = (items.at(-1)?.index ?? this.#next) + 1;
    const entries = items.map(({ index, data }) => ({
      index,
      data: Buffer.from(data.buffer, data.byteOffset, data.length),
    }));
    this.#write([{ content: { $case: "entries", value: { entries } } }]);
  }

  #sendSnapshot(): void {
    const index = this.#state.appliedIndex;
    const groupId = this.#groupId;
    const chunks = index === 0 ? [] : this.#state.snapshotInSlices();
    this.#next = index + 1;
    this.#write(snapshotFrames(chunks, { index, groupId }));
  }

  /** Each frame is made when the call takes it: a large state is encoded at the reader's pace. */
  #write(frames: Iterable<FeedResponse>): void {
    this.#quietBeats = 0;
    this.#busy = true;
    const rest = frames[Symbol.iterator]();
    const step = (): void => {
      for (let next = rest.next(); next.done !== true; next = rest.next()) {
        if (!this.#call.write(next.value)) {
          this.#call.once("drain", step);
          return;
        }
      }
      this.#busy = false;
      // Not from within the callback that brought us here: a long history must not starve the loop.
      setImmediate(() => this.wake());
    };
    step();
  }
}

function* snapshotFrames(
  chunks: Iterable<Uint8Array>,
  { index, groupId }: { readonly index: number; readonly groupId: string },
): Generator<FeedResponse> {
  for (const chunk of chunks) {
    if (chunk.length === 0) continue;
    const value = { index, chunk: Buffer.from(chunk), last: false, groupId };
    yield { content: { $case: "snapshot", value } };
  }
  const value = { index, chunk: Buffer.alloc(0), last: true, groupId };
  yield { content: { $case: "snapshot", value } };
}
