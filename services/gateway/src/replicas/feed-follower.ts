/**
 * Keeps the mirror fed from some replica, for ever.
 *
 * Goes on behind the last applied index after every break, at the next replica. Moves to the leader
 * when told who leads, since its entries come first. A replica that says nothing for a while, or
 * that lags behind what somebody waits for, is left. When the mirror is not what a replica says, it
 * is taken anew, from the next one.
 */
import { type Divergence, fromProtoFrame, MirrorIntake } from "@atoll/federation";
import type { FeedResponse } from "@atoll/proto/atoll/replica/v1/orchestrator";
import { type Log, sha256 } from "@atoll/service-kit";
import type { Clock } from "@atoll/stdx";
import type { ClientReadableStream } from "@grpc/grpc-js";
import type { Mirror } from "../islands/mirror.ts";
import type { MirrorFeed } from "../islands/reads.ts";
import { VERSION } from "../version.ts";
import type { ReplicaClients } from "./replica-clients.ts";

/** A replica sends its position when it has nothing else to send for a second or two. */
const SILENCE_MS_MAX = 4_000;
const PAUSE_FIRST_MS = 20;
const PAUSE_MAX_MS = 1_000;
/** While more has come than is taken in, how often it is looked whether there is room. */
const HOLD_MS = 5;

export class FeedFollower implements MirrorFeed, Disposable {
  readonly #clients: ReplicaClients;
  readonly #mirror: Mirror;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #silence: NodeJS.Timeout;
  #replica: number;
  #stream: ClientReadableStream<FeedResponse> | undefined;
  #intake: MirrorIntake | undefined;
  /** Until a whole state was taken, none of this one is gone on with. */
  #anew = false;
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
    // One that is on its way is not begun again, or it would never end.
    if (this.#disposed || this.#anew) return;
    this.#close();
    this.#anew = true;
    this.#open();
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    clearInterval(this.#silence);
    this.#close();
  }

  #open(): void {
    const goesOn = this.#mirror.synced && !this.#anew;
    const fromIndex = goesOn ? this.#mirror.appliedIndex + 1 : 0;
    this.#heardMs = this.#clock.monotonicMs();
    if (!this.#clients.has(this.#replica)) this.#replica = this.#clients.after(this.#replica);
    const replica = this.#replica;
    const intake = new MirrorIntake({
      target: this.#mirror,
      turns: { soon: setImmediate },
      newHasher: sha256,
      version: VERSION,
      restored: () => {
        this.#anew = false;
      },
      broken: (divergence) => this.#diverged(replica, divergence),
    });
    const stream = this.#clients.client(replica).feed({ fromIndex, groupId: this.#mirror.groupId });
    this.#stream = stream;
    this.#intake = intake;
    stream.on("data", (response: FeedResponse) => {
      if (this.#stream !== stream) return;
      this.#heardMs = this.#clock.monotonicMs();
      this.#pauseMs = PAUSE_FIRST_MS;
      const frame = fromProtoFrame(response);
      if (frame !== undefined) intake.take(frame);
      if (intake.isFull) this.#hold(stream, intake);
    });
    stream.on("error", (error) => {
      if (this.#stream === stream) this.#leave(error.message, this.#pauseMs);
    });
    stream.on("end", () => {
      if (this.#stream === stream) this.#leave("the replica ended it", this.#pauseMs);
    });
  }

  /** Until the mirror has taken in what came. */
  #hold(stream: ClientReadableStream<FeedResponse>, intake: MirrorIntake): void {
    stream.pause();
    setTimeout(() => {
      if (this.#stream !== stream) return;
      this.#heardMs = this.#clock.monotonicMs();
      if (intake.isFull) this.#hold(stream, intake);
      else stream.resume();
    }, HOLD_MS);
  }

  #diverged(replica: number, divergence: Divergence): void {
    this.#log.error("the mirror differs from a replica and is taken anew", {
      replica,
      ...divergence,
    });
    if (this.#disposed) return;
    this.#close();
    this.#anew = true;
    this.#replica = this.#clients.after(replica);
    this.#retry = setTimeout(() => this.#open(), this.#pauseMs);
    this.#pauseMs = Math.min(PAUSE_MAX_MS, this.#pauseMs * 2);
  }

  #close(): void {
    clearTimeout(this.#retry);
    const stream = this.#stream;
    this.#stream = undefined;
    this.#intake?.close();
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

  #checkSilence(): void {
    if (this.#stream === undefined) return;
    if (this.#clock.monotonicMs() - this.#heardMs >= SILENCE_MS_MAX) {
      this.#leave("it is silent", 0);
    }
  }
}
