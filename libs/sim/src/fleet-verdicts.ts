/**
 * What must have come of a fault in a simulated fleet by when: the dead are lost in the log, those
 * that are back are right.
 *
 * Bounds are those that operators are told. While replicas or bus fail, and until watchers have
 * heard everybody again, they are longer. Used by `FleetFaults` and `FleetPower`.
 */
import type { Fleet } from "./fleet.ts";
import type { FleetNode } from "./fleet-node.ts";
import { Violation } from "./violation.ts";

const SECOND_US = 1_000_000;
/** Of a node that dies alone while all else is well. */
const LOST_WITHIN_US = 3 * SECOND_US;
/** After a disturbance, or of many that die together. */
const LOST_LATE_WITHIN_US = 50 * SECOND_US;
/** From power to everything as it should be. */
export const RIGHT_WITHIN_US: number = 30 * SECOND_US;

export class FleetVerdicts {
  readonly #fleet: Fleet;
  /** Watchers are not sure to hear as usual until here. */
  #disturbedUntilUs = 0;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  disturb(untilUs: number): void {
    this.#disturbedUntilUs = Math.max(this.#disturbedUntilUs, untilUs);
  }

  /** The node just died, alone. */
  expectLost(node: FleetNode): void {
    this.#expectLost(node, this.#fleet.clock.nowUs, LOST_WITHIN_US);
  }

  /** The node just died, together with many. */
  expectLostLate(node: FleetNode): void {
    this.#expectLost(node, this.#fleet.clock.nowUs, LOST_LATE_WITHIN_US);
  }

  /** From now on all must be right within the bound. */
  expectRight(nodes: readonly FleetNode[], whyNot: () => string): void {
    const { clock } = this.#fleet;
    const lives = nodes.map(({ life }) => life);
    const beganUs = clock.nowUs;
    const look = (): void => {
      // Something else has happened to it meanwhile.
      if (nodes.length === 1 && nodes.some((node, at) => node.life !== lives[at])) return;
      const reason = whyNot();
      if (reason === "") return;
      const sinceUs = Math.max(beganUs, this.#disturbedUntilUs);
      if (clock.nowUs - sinceUs >= RIGHT_WITHIN_US) {
        throw new Violation(`not right ${(clock.nowUs - beganUs) / SECOND_US} s later: ${reason}`);
      }
      clock.schedule(SECOND_US, look);
    };
    clock.schedule(RIGHT_WITHIN_US, look);
  }

  #expectLost(node: FleetNode, diedUs: number, withinUs: number): void {
    const { clock, checker } = this.#fleet;
    const { life } = node;
    const disturbed = diedUs < this.#disturbedUntilUs;
    clock.schedule(withinUs, () => {
      // It is back.
      if (node.life !== life) return;
      const known = this.#fleet.view?.node(node.name);
      if (known?.presence === "lost") {
        const afterMs = known.presenceSince.stampMs - clock.realtimeMs() + clock.monotonicMs();
        if (withinUs === LOST_WITHIN_US && !disturbed) checker.noteLost(afterMs - diedUs / 1_000);
        return;
      }
      const lateUs = Math.max(diedUs, this.#disturbedUntilUs) + LOST_LATE_WITHIN_US;
      if (this.#disturbedUntilUs > diedUs && clock.nowUs < lateUs) {
        this.#expectLost(node, diedUs, SECOND_US);
        return;
      }
      const passedMs = Math.round((clock.nowUs - diedUs) / 1_000);
      const sinceMs = Math.round((diedUs - this.#disturbedUntilUs) / 1_000);
      const how = `it is ${known?.presence}, the last disturbance was over ${sinceMs} ms before`;
      throw new Violation(`${node.name} died ${passedMs} ms ago and is not lost; ${how}`);
    });
  }
}
