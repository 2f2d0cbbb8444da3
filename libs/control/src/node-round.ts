/**
 * A walk round all nodes, in order of their names, for ever: a few at each call, or as fast as the
 * caller can for one whole round.
 *
 * It remembers where it is by name, so nodes may come and go, and no turn of the loop touches more
 * of them than are asked for, however many there are. A round that is asked for while another is
 * under way ends where it was asked for: nobody is passed over, however often that happens. Used by
 * `PlanSchedule` and `HeartbeatWatch`.
 */
import type { NodeName } from "@atoll/domain";

/** What the walk needs of the state. */
export interface NamesInOrder {
  /** At most `most` names of nodes behind `name`, which need not be there; sorted. */
  nodeNamesAfter(name: string, most: number): readonly NodeName[];
}

export class NodeRound {
  /** The last one that was passed; empty at the begin. */
  #at = "";
  /** Where the whole round ends that was asked for; undefined when none was. */
  #endsAt: string | undefined;
  /** The walk has passed the last node since that. */
  #turned = false;

  /** Whether a whole round is asked for and not over. */
  get hurries(): boolean {
    return this.#endsAt !== undefined;
  }

  /** All nodes are wanted once from here. */
  hurry(): void {
    this.#endsAt = this.#at;
    this.#turned = false;
  }

  stop(): void {
    this.#endsAt = undefined;
  }

  /** The next nodes, `most` at most; fewer at the end of a round. */
  take(names: NamesInOrder, most: number): readonly NodeName[] {
    if (most < 1) return [];
    const found = names.nodeNamesAfter(this.#at, most);
    if (found.length < most) return this.#turn(found);
    this.#at = found.at(-1) as NodeName;
    const end = this.#endsAt;
    if (end !== undefined && this.#turned && this.#at >= end) this.stop();
    return found;
  }

  /** Behind the last node comes the first. */
  #turn(found: readonly NodeName[]): readonly NodeName[] {
    this.#at = "";
    // A round that ends here, at the begin, or that has been here before, is over.
    if (this.#turned || this.#endsAt === "") this.stop();
    this.#turned = true;
    return found;
  }
}
