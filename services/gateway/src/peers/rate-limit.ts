/**
 * How fast something may go: so many bytes a second, up to a second's worth at once.
 *
 * Shared by all that goes over one link in one direction.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "@atoll/stdx";

const MS_PER_SECOND = 1_000;

export class RateLimit {
  readonly #bytesPerSecond: number;
  readonly #clock: Clock;
  /** When all that was let through so far is paid for. */
  #paidAtMs = 0;

  /** @param bytesPerSecond 0 for no limit. */
  constructor(bytesPerSecond: number, clock: Clock) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#clock = clock;
  }

  /** Resolves when so many bytes may go. */
  async take(bytes: number): Promise<void> {
    if (this.#bytesPerSecond === 0) return;
    const nowMs = this.#clock.monotonicMs();
    const costMs = (bytes / this.#bytesPerSecond) * MS_PER_SECOND;
    this.#paidAtMs = Math.max(this.#paidAtMs, nowMs - MS_PER_SECOND) + costMs;
    if (this.#paidAtMs > nowMs) await delay(this.#paidAtMs - nowMs);
  }
}
