/**
 * The time of one simulated process, which may stand still and whose wall clock may be wrong.
 *
 * While it is paused nothing of the process runs: timers and messages wait, and run at once when it
 * goes on, either first as the seed says. Time itself goes on. Used by `simulateDatacenter`.
 */
import type { Prng } from "@atoll/stdx";
import { VirtualClock, type Scheduled } from "./virtual-clock.ts";

interface Waiting {
  readonly run: () => void;
  readonly scheduled: Scheduled | undefined;
}

export class ReplicaClock extends VirtualClock {
  readonly #base: VirtualClock;
  readonly #prng: Prng;
  /** What messages of the bus take longer to come to this process and to leave it. */
  lagUs = 0;
  #offsetMs = 0;
  #paused = false;
  #timers: Waiting[] = [];
  #messages: Waiting[] = [];

  constructor(base: VirtualClock, prng: Prng) {
    super();
    this.#base = base;
    this.#prng = prng;
  }

  get offsetMs(): number {
    return this.#offsetMs;
  }

  override get nowUs(): number {
    return this.#base.nowUs;
  }

  override monotonicMs(): number {
    return this.#base.monotonicMs();
  }

  override realtimeMs(): number {
    return this.#base.realtimeMs() + this.#offsetMs;
  }

  /** Sets the wall clock; time since some moment is not touched by that. */
  step(offsetMs: number): void {
    this.#offsetMs = offsetMs;
  }

  override schedule(delayUs: number, run: () => void): Scheduled {
    const scheduled: Scheduled = this.#base.schedule(delayUs, () => {
      if (this.#paused) this.#timers.push({ run, scheduled });
      else run();
    });
    return scheduled;
  }

  /** Something has come from outside. */
  message(run: () => void): void {
    if (this.#paused) this.#messages.push({ run, scheduled: undefined });
    else run();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    const waiting = this.#prng.chance(1, 2)
      ? [...this.#timers, ...this.#messages]
      : [...this.#messages, ...this.#timers];
    this.#timers = [];
    this.#messages = [];
    for (const { run, scheduled } of waiting) if (scheduled?.cancelled !== true) run();
  }
}
