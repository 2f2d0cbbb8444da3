/**
 * One feed over a link that delays, is full at times, and breaks: what was under way is lost.
 *
 * Frames arrive in order, as on a stream. Used by `simulateMirrors`.
 */
import type { FeedFrame, FeedSink } from "@atoll/federation";
import type { Prng } from "@atoll/stdx";
import type { VirtualClock } from "./virtual-clock.ts";

const UNDER_WAY_MAX = 3;
const DELAY_US_MAX = 20_000;

export class SimulatedFeedLink implements FeedSink {
  readonly #clock: VirtualClock;
  readonly #prng: Prng;
  readonly #arrived: (frame: FeedFrame) => void;
  readonly #broke: () => void;
  #underWay = 0;
  #lastAtUs = 0;
  #drained: (() => void)[] = [];
  closed = false;

  constructor(
    world: { readonly clock: VirtualClock; readonly prng: Prng },
    ends: { readonly arrived: (frame: FeedFrame) => void; readonly broke: () => void },
  ) {
    this.#clock = world.clock;
    this.#prng = world.prng;
    this.#arrived = ends.arrived;
    this.#broke = ends.broke;
  }

  write(frame: FeedFrame): boolean {
    const delayUs = this.#prng.between(0, DELAY_US_MAX);
    this.#lastAtUs = Math.max(this.#lastAtUs, this.#clock.nowUs + delayUs);
    this.#underWay += 1;
    this.#clock.schedule(this.#lastAtUs - this.#clock.nowUs, () => {
      if (this.closed) return;
      this.#underWay -= 1;
      this.#arrived(frame);
      this.#drain();
    });
    return this.#underWay < UNDER_WAY_MAX;
  }

  whenDrained(then: () => void): void {
    this.#drained.push(then);
  }

  fail(): void {
    this.break();
  }

  break(): void {
    if (this.closed) return;
    this.closed = true;
    this.#clock.schedule(0, this.#broke);
  }

  #drain(): void {
    if (this.closed || this.#underWay >= UNDER_WAY_MAX) return;
    const drained = this.#drained;
    this.#drained = [];
    for (const then of drained) then();
  }
}
