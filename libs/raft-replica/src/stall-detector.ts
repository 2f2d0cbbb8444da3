/**
 * Lets the time of a replica pass, and notices when the process itself stood still.
 *
 * A leader whose loop stalled for longer than an election timeout may have been replaced without
 * knowing: it is told to step down before it does anything else. It has no timer; its owner calls
 * `tick` for each tick, in place of the replica's own.
 */
import type { Clock } from "@atoll/stdx";
import type { ReplicaDriver } from "./ports.ts";

export interface StallDetectorOptions {
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly replica: Pick<ReplicaDriver, "stalled" | "tick">;
  /** A gap between two ticks longer than this is a stall. At most an election timeout. */
  readonly stallMs: number;
  /** Told before the replica is, with the length of the gap. Default: nobody. */
  readonly told?: (gapMs: number) => void;
}

export class StallDetector {
  readonly #options: StallDetectorOptions;
  #lastMs: number;

  constructor(options: StallDetectorOptions) {
    this.#options = options;
    this.#lastMs = options.clock.monotonicMs();
  }

  /** One tick of the replica. */
  tick(): void {
    const { clock, replica, stallMs, told } = this.#options;
    const nowMs = clock.monotonicMs();
    const gapMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (gapMs > stallMs) {
      told?.(gapMs);
      replica.stalled();
    }
    replica.tick();
  }
}
