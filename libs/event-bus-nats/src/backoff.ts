/**
 * How long to wait before trying again: doubling, bounded, jittered.
 *
 * Many agents lose the same server at the same moment; each delay is therefore drawn evenly from
 * the upper half of its step. Used for connections and for the stream.
 */
import { randomInt } from "node:crypto";
import { Prng } from "@atoll/stdx";

export interface BackoffBounds {
  /** The first step, 1 or more. */
  readonly firstMs: number;
  /** No delay is longer. */
  readonly mostMs: number;
}

export class Backoff {
  readonly #bounds: BackoffBounds;
  readonly #prng: Prng;
  #failures = 0;

  /** @param seed fixes the delays; drawn at random when absent. */
  constructor(bounds: BackoffBounds, seed: number = randomInt(2 ** 32)) {
    this.#bounds = bounds;
    this.#prng = new Prng(seed);
  }

  /** The delay after one more failure. */
  nextMs(): number {
    const stepMs = Math.min(this.#bounds.mostMs, this.#bounds.firstMs * 2 ** this.#failures);
    if (stepMs < this.#bounds.mostMs) this.#failures += 1;
    return this.#prng.between(Math.ceil(stepMs / 2), stepMs);
  }

  reset(): void {
    this.#failures = 0;
  }
}
