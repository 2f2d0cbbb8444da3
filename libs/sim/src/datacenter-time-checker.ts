/**
 * Holds what simulated leaders stamp entries with against the time that has truly passed.
 *
 * Between any two proposals, whoever makes them, the log's time has gone on by nine tenths of it at
 * least and by eleven tenths at most: so everything that waits by it ends when it should, whatever
 * wall clocks do. Only where wall clocks had to say what time it is, as none was heard that knew,
 * may it have leapt. Used by `DatacenterHistory`.
 */
import { Violation } from "./violation.ts";

/** How far the times of two replicas may differ: what a report may be late, both ways. */
const APART_MS = 3_000;

export class DatacenterTimeChecker {
  /** How often wall clocks had to say what time it is. */
  begun = 0;
  #appliedMs = 0;
  /** The most of each stamp less nine tenths of the time at which it was made. */
  #slowMs = Number.NEGATIVE_INFINITY;
  /** The least of each stamp less eleven tenths of it. */
  #fastMs = Number.POSITIVE_INFINITY;

  /** A leader proposes an entry. @param nowMs since the run began. */
  proposed(stampMs: number, nowMs: number): void {
    const slowMs = stampMs - nowMs * 0.9;
    const fastMs = stampMs - nowMs * 1.1;
    this.#slowMs = Math.max(this.#slowMs, slowMs);
    this.#fastMs = Math.min(this.#fastMs, fastMs);
    if (this.#slowMs - slowMs > APART_MS) {
      throw new Violation(`time in the log stood still for ${this.#slowMs - slowMs} ms`);
    }
    if (fastMs - this.#fastMs > APART_MS) {
      throw new Violation(`time in the log leapt by ${fastMs - this.#fastMs} ms`);
    }
  }

  /** An entry is applied for the first time. */
  applied(index: number, stampMs: number): void {
    if (stampMs < this.#appliedMs) throw new Violation(`time in the log goes back at ${index}`);
    this.#appliedMs = stampMs;
  }

  /** Wall clocks say what time it is. */
  begins(): void {
    this.begun += 1;
    this.#slowMs = Number.NEGATIVE_INFINITY;
    this.#fastMs = Number.POSITIVE_INFINITY;
  }
}
