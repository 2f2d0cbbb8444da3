/**
 * Time that passes only when everything that was due has happened.
 *
 * A queue of callbacks ordered by virtual time, and by the order of scheduling where times are
 * equal, so that a run is the same for the same seed. Implements the `Clock` of stdx, so code under
 * simulation reads this time. Nothing runs but from `runUntil`. Used by every simulation.
 */
import type { Clock } from "@atoll/stdx";
import { assert } from "@atoll/stdx";

/** A scheduled callback; `cancelled` ones are skipped. */
export interface Scheduled {
  readonly atUs: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

export class VirtualClock implements Clock {
  #nowUs = 0;
  #nextOrder = 0;
  #steps = 0;
  /** A binary heap, the earliest first. */
  readonly #heap: Scheduled[] = [];
  readonly #startRealtimeMs: number;

  /** @param startRealtimeMs what `realtimeMs` shows at the beginning. */
  constructor(startRealtimeMs = 1_700_000_000_000) {
    this.#startRealtimeMs = startRealtimeMs;
  }

  get nowUs(): number {
    return this.#nowUs;
  }

  /** How many callbacks have run. */
  get steps(): number {
    return this.#steps;
  }

  monotonicMs(): number {
    return Math.floor(this.#nowUs / 1000);
  }

  realtimeMs(): number {
    return this.#startRealtimeMs + this.monotonicMs();
  }

  /** Runs `run` after `delayUs` microseconds, an integer of 0 or more. */
  schedule(delayUs: number, run: () => void): Scheduled {
    assert(Number.isSafeInteger(delayUs) && delayUs >= 0, `delay ${delayUs}`);
    const scheduled = {
      atUs: this.#nowUs + delayUs,
      order: this.#nextOrder,
      run,
      cancelled: false,
    };
    this.#nextOrder += 1;
    this.#push(scheduled);
    return scheduled;
  }

  /**
   * Runs everything due up to `untilUs`, unless `stop` says so earlier; asked after each callback.
   */
  runUntil(untilUs: number, stop: () => boolean = () => false): void {
    for (let next = this.#heap[0]; next !== undefined; next = this.#heap[0]) {
      if (next.atUs > untilUs) break;
      this.#pop();
      if (next.cancelled) continue;
      this.#nowUs = next.atUs;
      this.#steps += 1;
      next.run();
      if (stop()) return;
    }
    this.#nowUs = Math.max(this.#nowUs, untilUs);
  }

  #push(scheduled: Scheduled): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(scheduled);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(scheduled, heap[parent] as Scheduled)) break;
      heap[at] = heap[parent] as Scheduled;
      at = parent;
    }
    heap[at] = scheduled;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Scheduled;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as Scheduled)) child += 1;
      if (!isBefore(heap[child] as Scheduled, last)) break;
      heap[at] = heap[child] as Scheduled;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(left: Scheduled, right: Scheduled): boolean {
  return left.atUs < right.atUs || (left.atUs === right.atUs && left.order < right.order);
}
