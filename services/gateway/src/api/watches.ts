/**
 * The streams that callers watch, as a whole: how many there may be, when one is too slow, and
 * their common end.
 *
 * A watch never queues more than one message for a connection that pushes back; one that has not
 * taken it for long is ended and told where to go on. When the gateway stops, all watches end in
 * good order.
 */
import { ApiError } from "@atoll/service-kit";
import type { Clock } from "@atoll/stdx";
import { type ServerWritableStream, status } from "@grpc/grpc-js";

export const WATCHES_MAX = 2_000;
/** How long a caller may leave a message untaken. */
export const UNTAKEN_MS_MAX = 30_000;
export const HEARTBEAT_MS = 5_000;

type AnyStream = ServerWritableStream<never, never>;

const CHECK_MS = 1_000;

export class Watches implements Disposable {
  readonly #clock: Clock;
  readonly #open = new Set<Watch<never>>();
  readonly #timer: NodeJS.Timeout;
  #stopping = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#timer = setInterval(() => {
      for (const watch of this.#open) watch.check(this.#clock.monotonicMs());
    }, CHECK_MS);
  }

  get count(): number {
    return this.#open.size;
  }

  /** @throws ApiError RESOURCE_EXHAUSTED when there are {@link WATCHES_MAX} already. */
  begin<T>(stream: ServerWritableStream<unknown, T>): Watch<T> {
    if (this.#open.size >= WATCHES_MAX) {
      throw new ApiError(
        status.RESOURCE_EXHAUSTED,
        `${WATCHES_MAX} watches are open, the most that are allowed`,
        {
          reason: "TOO_MANY_WATCHES",
          retryDelayMs: CHECK_MS,
        },
      );
    }
    const watch = new Watch<T>(stream as unknown as AnyStream, this.#clock, () => {
      this.#open.delete(watch as unknown as Watch<never>);
    });
    this.#open.add(watch as unknown as Watch<never>);
    if (this.#stopping) watch.end();
    return watch;
  }

  [Symbol.dispose](): void {
    this.#stopping = true;
    clearInterval(this.#timer);
    for (const watch of this.#open) watch.end();
  }
}

export class Watch<T> implements Disposable {
  readonly #stream: ServerWritableStream<unknown, T>;
  readonly #clock: Clock;
  readonly #closed: () => void;
  readonly #ended: PromiseWithResolvers<void> = Promise.withResolvers();
  #wakeListener: () => void = () => {};
  #heartbeat: (() => void) | undefined;
  #pushedBackSinceMs = Infinity;
  #sentMs: number;
  #over = false;
  /** Where the caller would go on; for the message when it is ended. */
  resumeIndex = 0;
  /** The same in each of several datacenters. */
  resumeIndexes: ReadonlyMap<string, number> = new Map();

  constructor(stream: AnyStream, clock: Clock, closed: () => void) {
    this.#stream = stream as unknown as ServerWritableStream<unknown, T>;
    this.#clock = clock;
    this.#closed = closed;
    this.#sentMs = clock.monotonicMs();
    this.#stream.on("drain", () => {
      this.#pushedBackSinceMs = Infinity;
      this.#wakeListener();
    });
    this.#stream.on("cancelled", () => this.end());
    if (this.#stream.cancelled) this.end();
  }

  /** True while a message may be sent. */
  get ready(): boolean {
    return !this.#over && this.#pushedBackSinceMs === Infinity;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Settles when the watch is over; rejects when it was ended for a reason. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Told whenever the connection can take more. */
  onReady(listener: () => void): void {
    this.#wakeListener = listener;
  }

  /** Called when nothing was sent for {@link HEARTBEAT_MS}. */
  onQuiet(heartbeat: () => void): void {
    this.#heartbeat = heartbeat;
  }

  /** Sends one message. Callers look at {@link ready} first. */
  send(message: T): void {
    if (this.#over) return;
    this.#sentMs = this.#clock.monotonicMs();
    if (!this.#stream.write(message)) this.#pushedBackSinceMs = this.#sentMs;
  }

  /** In good order. */
  end(): void {
    this.#finish(() => this.#ended.resolve());
  }

  fail(error: Error): void {
    this.#finish(() => this.#ended.reject(error));
  }

  check(nowMs: number): void {
    if (nowMs - this.#pushedBackSinceMs >= UNTAKEN_MS_MAX) {
      this.fail(this.#tooSlow());
    } else if (this.ready && nowMs - this.#sentMs >= HEARTBEAT_MS) {
      this.#heartbeat?.();
    }
  }

  [Symbol.dispose](): void {
    this.end();
  }

  #finish(settle: () => void): void {
    if (this.#over) return;
    this.#over = true;
    this.#closed();
    settle();
  }

  #resumeText(): string {
    return [...this.resumeIndexes].map(([name, index]) => `${name}/${index}`).join(",");
  }

  #tooSlow(): ApiError {
    return new ApiError(
      status.RESOURCE_EXHAUSTED,
      `nothing was read for ${UNTAKEN_MS_MAX / 1_000} s; go on from index ${this.resumeIndex}`,
      {
        reason: "WATCH_TOO_SLOW",
        metadata: {
          resume_index: String(this.resumeIndex),
          ...(this.resumeIndexes.size === 0 ? {} : { resume: this.#resumeText() }),
        },
      },
    );
  }
}
