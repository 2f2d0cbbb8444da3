/**
 * One direction of a link between two datacenters: whether it carries anything, how late, how much.
 *
 * Shared by every connection that sends this way, whoever made the connection: all of them fill the
 * same line. Says when bytes arrive; moves none itself. A link has two lanes that know nothing of
 * each other. Loss is what TCP makes of it: nothing is missing in the end, but a lost segment holds
 * up all that follows on its connection until it has been sent again.
 */
import type { Prng } from "@atoll/stdx";

export interface LaneConditions {
  /** Nothing arrives, and nobody is told. */
  readonly cut: boolean;
  /** How long each byte is on its way. */
  readonly delayMs: number;
  /** How many of a million segments are lost. */
  readonly lossPpm: number;
  /** 0: as many as come. */
  readonly bytesPerSecond: number;
}

export const WHOLE: LaneConditions = { cut: false, delayMs: 0, lossPpm: 0, bytesPerSecond: 0 };

const SEGMENT_BYTES = 1_448;
const PPM = 1_000_000;
/** A sender waits a round trip and at least this long before it sends again, as Linux does. */
const RETRANSMIT_MS_MIN = 200;
/** One lost again waits twice as long each time, up to this often. */
const RETRANSMITS_MAX = 6;
const MS_PER_SECOND = 1_000;

export class Lane {
  readonly #prng: Prng;
  readonly #watchers = new Set<() => void>();
  #conditions = WHOLE;
  /** When the line has sent all that it was given. */
  #freeAtMs = 0;
  #carriedBytes = 0;

  /** @param prng decides which segments are lost. */
  constructor(prng: Prng) {
    this.#prng = prng;
  }

  get conditions(): LaneConditions {
    return this.#conditions;
  }

  /** Of all connections, since the beginning; what was delivered. */
  get carriedBytes(): number {
    return this.#carriedBytes;
  }

  /** Holds for what is on its way too: that begins its way anew. */
  change(conditions: Partial<LaneConditions>): void {
    this.#conditions = { ...this.#conditions, ...conditions };
    this.#freeAtMs = 0;
    for (const watcher of this.#watchers) watcher();
  }

  /** Called after each change until the returned function is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  delivered(byteCount: number): void {
    this.#carriedBytes += byteCount;
  }

  /** When bytes that are sent now arrive, as if the lane were not cut. */
  arrivalMs(byteCount: number, nowMs: number): number {
    const { bytesPerSecond, delayMs } = this.#conditions;
    let sentMs = nowMs;
    if (bytesPerSecond > 0) {
      sentMs = Math.max(nowMs, this.#freeAtMs) + (byteCount * MS_PER_SECOND) / bytesPerSecond;
      this.#freeAtMs = sentMs;
    }
    return sentMs + delayMs + this.#lossMs(byteCount);
  }

  /** How much later they arrive because segments are lost. */
  #lossMs(byteCount: number): number {
    const { lossPpm, delayMs } = this.#conditions;
    if (lossPpm === 0) return 0;
    let worst = 0;
    for (let from = 0; from < byteCount; from += SEGMENT_BYTES) {
      let lost = 0;
      while (lost < RETRANSMITS_MAX && this.#prng.chance(lossPpm, PPM)) lost += 1;
      worst = Math.max(worst, lost);
    }
    return (RETRANSMIT_MS_MIN + 2 * delayMs) * (2 ** worst - 1);
  }
}
