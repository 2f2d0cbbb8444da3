/**
 * What every kind of fault needs: the group it strikes, whom it may strike, and when it is over.
 *
 * Shared by the parts of the random faults; decides nothing by itself.
 */
import type { Prng } from "@atoll/stdx";
import type { ReplicaId } from "raft-ts";
import type { RaftGroup } from "./raft-group.ts";

export class FaultScene {
  readonly group: RaftGroup;
  /** Replicas that stand still for long, and are left alone. */
  readonly asleep: Set<ReplicaId> = new Set();
  readonly #prng: Prng;
  #over = false;

  constructor(group: RaftGroup, prng: Prng) {
    this.group = group;
    this.#prng = prng;
  }

  get isOver(): boolean {
    return this.#over;
  }

  end(): void {
    this.#over = true;
  }

  /** Every machine that is not switched off for ever. */
  get ids(): readonly ReplicaId[] {
    return [...this.group.members.values()].filter((each) => !each.retired).map(({ id }) => id);
  }

  /** Whom to strike; the leader more often than others. */
  victim(): ReplicaId {
    const leader = this.group.leader()?.id ?? 0;
    if (leader > 0 && !this.asleep.has(leader) && this.#prng.chance(1, 2)) return leader;
    const awake = this.ids.filter((id) => !this.asleep.has(id));
    return this.#prng.pick(awake.length > 0 ? awake : this.ids);
  }

  /** Trouble that was planned does not outlast the healing; restarts are repeated by it. */
  later(delayUs: number, run: () => void): void {
    this.group.clock.schedule(delayUs, () => {
      if (!this.#over) run();
    });
  }
}
