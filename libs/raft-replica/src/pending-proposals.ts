/**
 * The proposals of this replica whose outcome is not known yet: asked of the core, then accepted by
 * it, in the order of their indexes.
 *
 * One record for each batch, never one for each entry. A proposal is committed when the entry that
 * was applied at its last index carries its term; another term there means that it never will be.
 */
import { BoundedQueue } from "@atoll/stdx";
import type { Effect, Entry, ReplicaId } from "raft-ts";
import type { MembershipOutcome } from "./ports.ts";

type Done = (outcome: MembershipOutcome) => void;
type Answer = Extract<Effect, { readonly type: "proposalAccepted" | "proposalRefused" }>;

interface Accepted {
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly term: number;
  readonly done: Done;
}

export class PendingProposals {
  readonly #capacity: number;
  readonly #accepted: BoundedQueue<Accepted>;
  /** The core has not answered these yet; it does so before the loop comes to rest. */
  readonly #asked = new Map<number, Done>();
  #nextProposal = 1;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#accepted = new BoundedQueue(capacity);
  }

  /** A number to ask the core with; 0 when there are too many, which `done` has been told. */
  ask(done: Done, leader: ReplicaId): number {
    if (this.#accepted.size + this.#asked.size >= this.#capacity) {
      done({ type: "refused", reason: "overloaded", leader });
      return 0;
    }
    const proposal = this.#nextProposal;
    this.#nextProposal += 1;
    this.#asked.set(proposal, done);
    return proposal;
  }

  /** The core took a proposal in, or did not. */
  answered(answer: Answer, appliedIndex: number, leader: ReplicaId): void {
    const done = this.#asked.get(answer.proposal);
    if (done === undefined) return;
    this.#asked.delete(answer.proposal);
    if (answer.type === "proposalRefused") {
      const { reason, detail } = answer;
      if (reason === "invalid") done({ type: "invalid", reason: detail });
      else done({ type: "refused", reason, leader: answer.leader });
      return;
    }
    const { firstIndex, lastIndex, term } = answer;
    // Another leader's entries may have taken its place before this was heard.
    if (lastIndex <= appliedIndex) done({ type: "unknown", leader });
    else this.#accepted.push({ firstIndex, lastIndex, term, done });
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
    const asked = [...this.#asked.values()];
    this.#asked.clear();
    for (const done of asked) done({ type: "unknown", leader });
    for (const each of this.#accepted.drain()) each.done({ type: "unknown", leader });
  }
}
