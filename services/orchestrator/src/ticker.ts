/**
 * Turns real time into ticks, and notices when the process itself stood still.
 *
 * A leader whose loop stalled for longer than an election timeout may have been replaced without
 * knowing: it is told to step down before it does anything else. Owned by the composition root.
 */
import type { Clock } from "@atoll/stdx";

export interface TickerOptions {
  readonly clock: Clock;
  readonly tickMs: number;
  /** A gap between two ticks longer than this is a stall. */
  readonly stallMs: number;
  readonly tick: () => void;
  readonly stalled: (gapMs: number) => void;
}

export class Ticker implements Disposable {
  readonly #options: TickerOptions;
  readonly #timer: NodeJS.Timeout;
  #lastMs: number;

  constructor(options: TickerOptions) {
    this.#options = options;
    this.#lastMs = options.clock.monotonicMs();
    this.#timer = setInterval(() => this.#beat(), options.tickMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const gapMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (gapMs > this.#options.stallMs) this.#options.stalled(gapMs);
    this.#options.tick();
  }
}
