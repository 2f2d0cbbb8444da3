/**
 * Keeps the mirror fed from some replica, for ever.
 *
 * Goes on behind the last applied index after every break, at the next replica. Moves to the leader
 * when told who leads, since its entries come first. A replica that says nothing for a while, or
 * that lags behind what somebody waits for, is left.
 */
import type { FeedResponse } from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { Log } from "@atoll/service-kit";
import type { Clock } from "@atoll/stdx";
import type { ClientReadableStream } from "@grpc/grpc-js";
import type { Mirror } from "../islands/mirror.ts";
import type { MirrorFeed } from "../islands/reads.ts";
import type { ReplicaClients } from "./replica-clients.ts";

/** A replica sends its position when it has nothing else to send for a second or two. */
const SILENCE_MS_MAX = 4_000;
const PAUSE_FIRST_MS = 20;
const PAUSE_MAX_MS = 1_000;

export class FeedFollower implements MirrorFeed, Disposable {
  readonly #clients: ReplicaClients;
  readonly #mirror: Mirror;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #silence: NodeJS.Timeout;
  #replica: number;
  #stream: ClientReadableStream<FeedResponse> | undefined;
  /** A whole state that is on its way. */
  #restore: ReturnType<Mirror["restoreInPieces"]> | undefined;
  #heardMs: number;
  #pauseMs = PAUSE_FIRST_MS;
  #retry: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(options: {
    readonly clients: ReplicaClients;
    readonly mirror: Mirror;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#clients = options.clients;
    this.#mirror = options.mirror;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#replica = options.clients.ids[0] as number;
    this.#heardMs = options.clock.monotonicMs();
    this.#silence = setInterval(() => this.#checkSilence(), SILENCE_MS_MAX / 4);
    this.#mirror.onLagging(() => this.#leave("it lags behind", 0));
    this.#open();
  }

  /** The replica that is followed, whether it answers or not. */
  get replica(): number {
    return this.#replica;
  }

  /** Follows `replica` from now on. */
  follow(replica: number): void {
    if (replica === this.#replica || this.#disposed) return;
    this.#close();
    this.#replica = replica;
    this.#open();
  }

  startAnew(): void {
    if (this.#disposed) return;
    this.#close();
    this.#open(0);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    clearInterval(this.#silence);
    this.#close();
  }

  #open(fromIndex: number = this.#mirror.synced ? this.#mirror.appliedIndex + 1 : 0): void {
    this.#restore = undefined;
    this.#heardMs = this.#clock.monotonicMs();
    if (!this.#clients.has(this.#replica)) this.#replica = this.#clients.after(this.#replica);
    const replica = this.#replica;
    const stream = this.#clients.client(replica).feed({ fromIndex, groupId: this.#mirror.groupId });
    this.#stream = stream;
    stream.on("data", (response: FeedResponse) => {
      if (this.#stream === stream) this.#take(response);
    });
    stream.on("error", (error) => {
      if (this.#stream === stream) this.#leave(error.message, this.#pauseMs);
    });
    stream.on("end", () => {
      if (this.#stream === stream) this.#leave("the replica ended it", this.#pauseMs);
    });
  }

  #close(): void {
    clearTimeout(this.#retry);
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.cancel();
  }

  #leave(reason: string, pauseMs: number): void {
    if (this.#disposed) return;
    const from = this.#replica;
    this.#close();
    this.#replica = this.#clients.after(from);
    this.#pauseMs = Math.min(PAUSE_MAX_MS, this.#pauseMs * 2);
    this.#log.info("leaving a feed", { replica: from, reason, next: this.#replica });
    this.#retry = setTimeout(() => this.#open(), pauseMs);
  }

  #take({ content }: FeedResponse): void {
    this.#heardMs = this.#clock.monotonicMs();
    this.#pauseMs = PAUSE_FIRST_MS;
    if (content?.$case === "entries") {
      for (const { index, data } of content.value.entries) {
        // After a move a replica may repeat what is known.
        if (index > this.#mirror.appliedIndex) this.#mirror.apply(index, data);
      }
    } else if (content?.$case === "snapshot") {
      const { index, chunk, last, groupId } = content.value;
      if (this.#restore === undefined) {
        this.#log.info("taking a whole state", { index, group: groupId });
        this.#restore = this.#mirror.restoreInPieces(index, groupId);
      }
      if (chunk.length > 0) this.#restore.take(chunk);
      if (!last) return;
      this.#restore.finish();
      this.#restore = undefined;
    }
  }

  #checkSilence(): void {
    if (this.#stream === undefined) return;
    if (this.#clock.monotonicMs() - this.#heardMs >= SILENCE_MS_MAX) {
      this.#leave("it is silent", 0);
    }
  }
}
