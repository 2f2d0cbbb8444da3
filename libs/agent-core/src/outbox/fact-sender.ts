/**
 * Publishes the outbox, in order, until the orchestrator has committed it. When all of it is sent,
 * the next fact of a less urgent lane gets its turn.
 *
 * An acknowledgement of the stream only opens the window for the next batch; it proves nothing.
 * What is not committed in time is sent again from the committed position. What is sent and not
 * committed is bounded, so repetitions are too; the orchestrator tells them by their positions.
 */
import {
  type FactBatch,
  FACTS_PER_BATCH_MAX,
  type NodeName,
  type OutboxPosition,
} from "@atoll/domain";
import type { AgentBus } from "@atoll/event-bus";
import type { Prng } from "@atoll/stdx";
import type { Outbox } from "./outbox.ts";
import { comparePositions } from "./position.ts";

export interface FactSenderOptions {
  readonly node: NodeName;
  readonly incarnation: () => string;
  readonly outbox: Outbox;
  readonly bus: Pick<AgentBus, "publishFacts">;
  readonly encode: (batch: FactBatch) => Uint8Array;
  readonly random: Prng;
  readonly onPublishFailed: (error: Error) => void;
  /** Called when facts are sent again, with the cause. */
  readonly onResend: (cause: string) => void;
}

/** Batches whose storing the stream has not confirmed. */
export const PUBLISHES_MAX = 8;
/** Batches that the orchestrator has not committed. */
export const UNCOMMITTED_BATCHES_MAX = 32;
/** Of facts as they are stored; their wire form is smaller. */
const BATCH_BYTES_MAX = 524_288;
export const RESEND_FIRST_MS = 2_000;
export const RESEND_MOST_MS = 10_000;
/** After the stream has refused a batch, or there is no stream yet. */
export const RETRY_FIRST_MS = 100;
export const RETRY_MOST_MS = 5_000;
/**
 * A directive that repeats the known position this long after the last batch shows that something
 * is missing.
 */
const GAP_AFTER_MS = 1_000;

export class FactSender implements Disposable {
  readonly #options: FactSenderOptions;
  #connected = false;
  #sent: OutboxPosition;
  /** Last positions of batches that were sent and are not committed. */
  #uncommitted: OutboxPosition[] = [];
  #publishing = 0;
  /** Grows when everything is sent anew; answers of earlier rounds count no more. */
  #round = 0;
  #pumping = false;
  #again = false;
  #waitsToRetry = false;
  #timer: NodeJS.Timeout | undefined;
  #resendMs = RESEND_FIRST_MS;
  #retryMs = RETRY_FIRST_MS;
  #lastSentMs = 0;
  #disposed = false;
  readonly #unsubscribe: () => void;

  constructor(options: FactSenderOptions) {
    this.#options = options;
    this.#sent = options.outbox.committed;
    this.#unsubscribe = options.outbox.onStored(() => void this.#pump());
  }

  /** Whether everything durable is committed. */
  get isIdle(): boolean {
    const { outbox } = this.#options;
    return comparePositions(outbox.last, outbox.committed) <= 0;
  }

  connectionChanged(connected: boolean): void {
    this.#connected = connected;
    if (!connected) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      return;
    }
    this.#resendMs = RESEND_FIRST_MS;
    this.rewind();
  }

  /** What a directive said. */
  async committed(position: OutboxPosition): Promise<void> {
    const { outbox } = this.#options;
    const progress = comparePositions(position, outbox.committed) > 0;
    if (!progress) {
      const silentMs = performance.now() - this.#lastSentMs;
      const repeated = comparePositions(position, outbox.committed) === 0;
      if (repeated && this.#uncommitted.length > 0 && silentMs > GAP_AFTER_MS) this.#resend("gap");
      return;
    }
    this.#uncommitted = this.#uncommitted.filter((last) => comparePositions(last, position) > 0);
    if (comparePositions(this.#sent, position) < 0) this.#sent = position;
    this.#resendMs = RESEND_FIRST_MS;
    this.#watch(true);
    await outbox.forget(position);
    void this.#pump();
  }

  /** Sends everything that is not committed, from its beginning. */
  rewind(): void {
    this.#waitsToRetry = false;
    this.#round += 1;
    this.#publishing = 0;
    this.#uncommitted = [];
    this.#sent = this.#options.outbox.committed;
    void this.#pump();
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    this.#unsubscribe();
  }

  async #pump(): Promise<void> {
    this.#again = true;
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      // A call that comes while the last look is ending is a reason to look once more.
      while (this.#again) {
        this.#again = false;
        while (this.#maySend() && (await this.#sendNext()));
      }
    } finally {
      this.#pumping = false;
    }
  }

  #maySend(): boolean {
    return (
      this.#connected &&
      !this.#disposed &&
      !this.#waitsToRetry &&
      this.#publishing < PUBLISHES_MAX &&
      this.#uncommitted.length < UNCOMMITTED_BATCHES_MAX
    );
  }

  /** Returns whether there may be more to send. */
  async #sendNext(): Promise<boolean> {
    const { outbox, node, incarnation } = this.#options;
    const round = this.#round;
    const bounds = { factsMax: FACTS_PER_BATCH_MAX, bytesMax: BATCH_BYTES_MAX };
    const page = await outbox.read(this.#sent, bounds);
    if (round !== this.#round) return true;
    if (page === undefined) {
      if (comparePositions(outbox.last, this.#sent) <= 0) outbox.promote();
      return false;
    }
    const { previous, first, last, facts } = page;
    // Committed while it was read: nothing may be said to stand before what is no more.
    if (comparePositions(previous, this.#sent) !== 0) return true;
    this.#sent = last;
    this.#uncommitted.push(last);
    this.#publishing += 1;
    this.#lastSentMs = performance.now();
    this.#watch(false);
    const batch: FactBatch = { node, incarnation: incarnation(), previous, first, facts };
    this.#options.bus.publishFacts(this.#options.encode(batch), (error) => {
      if (round !== this.#round) return;
      this.#publishing -= 1;
      if (error === undefined) this.#stored();
      else this.#refused(error);
    });
    return true;
  }

  #stored(): void {
    this.#retryMs = RETRY_FIRST_MS;
    void this.#pump();
  }

  /** What was refused is tried again soon, and with it everything behind it. */
  #refused(error: Error): void {
    this.#options.onPublishFailed(error);
    this.#round += 1;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#connected || this.#disposed) return;
    // Nothing else goes out meanwhile: it would only be a gap.
    this.#waitsToRetry = true;
    this.#setTimer(this.#retryMs, () => this.rewind());
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MOST_MS);
  }

  /** Sets the time after which what is not committed is sent again. */
  #watch(anew: boolean): void {
    if (anew) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    if (this.#timer !== undefined || this.#uncommitted.length === 0 || !this.#connected) return;
    this.#setTimer(this.#resendMs, () => {
      if (this.#uncommitted.length > 0) this.#resend("no commit in time");
    });
  }

  #setTimer(delayMs: number, act: () => void): void {
    const jitterMs = this.#options.random.below(Math.ceil(delayMs / 4));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      act();
    }, delayMs + jitterMs);
  }

  #resend(cause: string): void {
    this.#resendMs = Math.min(this.#resendMs * 2, RESEND_MOST_MS);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#options.onResend(cause);
    this.rewind();
  }
}
