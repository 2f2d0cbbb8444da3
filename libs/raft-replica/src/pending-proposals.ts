/**
 * The proposals of this replica whose outcome is not known yet, in the order of their indexes.
 *
 * One record for each batch, never one for each entry. A proposal is committed when the entry that
 * was applied at its last index carries its term; another term there means that it never will be.
 */
import { BoundedQueue } from "@atoll/stdx";
import type { Entry, ReplicaId } from "raft-ts";
import type { ProposalOutcome } from "./ports.ts";

interface Accepted {
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly term: number;
  readonly done: (outcome: ProposalOutcome) => void;
}

export class PendingProposals {
  readonly #accepted: BoundedQueue<Accepted>;

  constructor(capacity: number) {
    this.#accepted = new BoundedQueue(capacity);
  }

  get size(): number {
    return this.#accepted.size;
  }

  /** False when there are too many; the caller checks before it proposes. */
  add(proposal: Accepted): boolean {
    return this.#accepted.push(proposal);
  }

  /** Entries were applied; answers the proposals that end among them. */
  applied(entries: readonly Entry[], leader: ReplicaId): void {
    const first = entries[0]?.index ?? 0;
    const last = entries.at(-1)?.index ?? 0;
    for (let next = this.#accepted.peek(); next !== undefined; next = this.#accepted.peek()) {
      if (next.lastIndex > last) return;
      this.#accepted.shift();
      const { firstIndex, lastIndex, term } = next;
      const committed = entries[lastIndex - first]?.term === term;
      next.done(
        committed
          ? { type: "committed", firstIndex, lastIndex, term }
          : { type: "unknown", leader },
      );
    }
  }

  /** A snapshot took the place of the entries up to `index`: what they were is not known here. */
  overtaken(index: number, leader: ReplicaId): void {
    for (let next = this.#accepted.peek(); next !== undefined; next = this.#accepted.peek()) {
      if (next.lastIndex > index) return;
      this.#accepted.shift();
      next.done({ type: "unknown", leader });
    }
  }

  /**
   * Leadership of `term` is what counts now; others beyond `committedIndex` can no longer be told.
   */
  leadershipChanged(term: number, committedIndex: number, leader: ReplicaId): void {
    const kept: Accepted[] = [];
    const lost: Accepted[] = [];
    for (const each of this.#accepted.drain()) {
      (each.term === term || each.lastIndex <= committedIndex ? kept : lost).push(each);
    }
    for (const each of kept) this.#accepted.push(each);
    for (const each of lost) each.done({ type: "unknown", leader });
  }

  /** Nothing more will be known here. */
  stop(leader: ReplicaId): void {
    for (const each of this.#accepted.drain()) each.done({ type: "unknown", leader });
  }
}
