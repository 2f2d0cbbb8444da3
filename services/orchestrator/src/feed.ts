/**
 * `OrchestratorService.Feed`: the datacenter's log for gateways, over `LogFeed`.
 */
import type { ReplicatedState } from "@atoll/control";
import { type EntryReader, type FeedSink, LogFeed, toProtoFrame } from "@atoll/federation";
import type { FeedRequest, FeedResponse } from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { LogStore } from "@atoll/raft-replica";
import { sha256 } from "@atoll/service-kit";
import type { ServerWritableStream } from "@grpc/grpc-js";
import { VERSION } from "./version.ts";

const POSITION_EVERY_MS = 1_000;
const CHECKPOINT_EVERY_MS = 60_000;
const NOTHING: Uint8Array = new Uint8Array(0);

type FeedCall = ServerWritableStream<FeedRequest, FeedResponse>;

export class Feed {
  readonly #feed: LogFeed;
  readonly #calls = new Set<FeedCall>();
  readonly #timers: readonly NodeJS.Timeout[];

  constructor(options: { state: ReplicatedState; store: LogStore; groupId: string }) {
    const { state, store, groupId } = options;
    this.#feed = new LogFeed({
      state,
      store: entryReader(store),
      groupId: () => groupId,
      turns: { soon: setImmediate },
      newHasher: sha256,
      version: VERSION,
    });
    this.#timers = [
      setInterval(() => this.#feed.beat(Date.now()), POSITION_EVERY_MS),
      setInterval(() => this.#feed.checkpoint(), CHECKPOINT_EVERY_MS),
    ];
  }

  get followerCount(): number {
    return this.#feed.readerCount;
  }

  /** Handles one call. */
  serve(call: FeedCall): void {
    this.#calls.add(call);
    const end = this.#feed.serve(sinkOf(call), call.request);
    const gone = (): void => {
      end();
      this.#calls.delete(call);
    };
    call.on("cancelled", gone);
    call.on("close", gone);
    call.on("error", gone);
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const call of this.#calls) call.end();
    this.#calls.clear();
  }
}

/** A replica's log; entries of Raft's own are empty. */
function entryReader(store: LogStore): EntryReader {
  return {
    readEntries: (range, done) => {
      store.readEntries(range, (error, found) => {
        const items = (found?.entries ?? []).map(({ index, type, data }) => ({
          index,
          data: type === "data" ? data : NOTHING,
        }));
        done(error, items);
      });
    },
  };
}

function sinkOf(call: FeedCall): FeedSink {
  return {
    get closed() {
      return call.cancelled || call.destroyed || call.writableEnded;
    },
    write: (frame) => call.write(toProtoFrame(frame)),
    whenDrained: (then) => void call.once("drain", then),
    fail: (error) => void call.destroy(error),
  };
}
