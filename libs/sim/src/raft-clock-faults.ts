/**
 * What goes wrong with the clocks of a simulated Raft group, as a core that counts ticks feels it.
 *
 * A clock that is fast or slow gives ticks too often or too seldom; one that leaps ahead gives many
 * at once, one that leaps back gives none until it has come up again; one that strobes does both in
 * turn. No replica reads a time of day.
 */
import type { Prng } from "@atoll/stdx";
import type { ReplicaId } from "raft-ts";
import type { FaultScene } from "./raft-fault-scene.ts";
import { drawClock } from "./raft-fault-settings.ts";

/** The furthest leap, either way: 262 s, in ticks of 10 ms and in microseconds. */
const LEAP_TICKS_MAX = 26_200;
const LEAP_US_MAX = 262_000_000;
const MINUTE_TICKS = 6_000;
const MINUTE_US = 60_000_000;
/** A clock that strobes goes to and fro so often at most. */
const STROBES_MAX = 40;

export class RaftClockFaults {
  readonly #scene: FaultScene;
  readonly #prng: Prng;

  constructor(scene: FaultScene, prng: Prng) {
    this.#scene = scene;
    this.#prng = prng;
  }

  /** Clocks run fast, slow, and by leaps. */
  strike(lengthUs: number): void {
    const prng = this.#prng;
    const { group } = this.#scene;
    for (const [id, member] of group.members) {
      if (prng.chance(1, 2)) {
        member.clockPerMille = drawClock(prng);
        group.counters.clocksSkewed += 1;
      }
      if (!prng.chance(1, 3)) continue;
      this.#scene.later(prng.below(lengthUs), () => this.#leap(id));
    }
  }

  /** Clocks run at the right speed; one that leapt back still has to come up again. */
  steady(): void {
    for (const member of this.#scene.group.members.values()) member.clockPerMille = 1000;
  }

  /** Clocks go as they should, from now on. */
  setRight(): void {
    this.steady();
    for (const member of this.#scene.group.members.values()) member.noTickBeforeUs = 0;
  }

  #leap(id: ReplicaId): void {
    const prng = this.#prng;
    const { group } = this.#scene;
    const { counters } = group;
    switch (prng.below(4)) {
      case 0: {
        const far = prng.chance(1, 6);
        const backUs = far ? prng.between(MINUTE_US, LEAP_US_MAX) : prng.between(50_000, 3_000_000);
        if (far) counters.clocksBackMinutes += 1;
        group.clockBack(id, backUs);
        break;
      }
      case 1:
        counters.clocksStrobed += 1;
        this.#strobe(id, prng.between(5, STROBES_MAX));
        break;
      default: {
        // Rare, since each is thousands of ticks.
        const far = prng.chance(1, 25);
        const ticks = far ? prng.between(MINUTE_TICKS, LEAP_TICKS_MAX) : prng.between(2, 200);
        if (far) counters.clocksAheadMinutes += 1;
        group.clockAhead(id, ticks);
        break;
      }
    }
  }

  #strobe(id: ReplicaId, timesLeft: number): void {
    const prng = this.#prng;
    const { group } = this.#scene;
    if (prng.chance(1, 2)) group.clockAhead(id, prng.between(1, 40));
    else group.clockBack(id, prng.between(10_000, 400_000));
    if (timesLeft === 0) return;
    this.#scene.later(prng.between(1_000, 50_000), () => this.#strobe(id, timesLeft - 1));
  }
}
