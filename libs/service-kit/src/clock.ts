/**
 * The machine's clock.
 *
 * The one place of a service where time is read; everything else is given a `Clock`. Monotonic time
 * is a fraction of milliseconds, realtime is whole milliseconds.
 */
import { performance } from "node:perf_hooks";
import { assert, type Clock } from "@atoll/stdx";

class SystemClock implements Clock {
  #lastMs = 0;

  monotonicMs(): number {
    const nowMs = performance.now();
    assert(nowMs >= this.#lastMs, `monotonic time went from ${this.#lastMs} back to ${nowMs}`);
    this.#lastMs = nowMs;
    return nowMs;
  }

  realtimeMs(): number {
    return Date.now();
  }
}

export const systemClock: Clock = new SystemClock();
