/**
 * Who joins and leaves a simulated Raft group, and when.
 *
 * Operators that are in a hurry: they add machines, promote, demote, remove and replace members,
 * leaders too, one or several at once, while everything else goes wrong, and ask whoever seems to
 * lead. A machine that was removed is switched off, or goes on and knows nothing of it. Ids are
 * never used twice.
 */
import type { Prng } from "@atoll/stdx";
import type { MembershipOutcome, Replica } from "@atoll/raft-replica";
import type { Membership, MembershipChange, MembershipTransition, ReplicaId } from "raft-ts";
import { membersOf } from "raft-ts";
import type { RaftGroup } from "./raft-group.ts";

/** Machines that a run may see, the founding ones included. */
const MACHINES_MAX = 10;
const VOTERS_MAX = 5;
/** How often an operator looks whether a machine may be switched off. */
const RETIRE_US = 50_000;
const RETIRE_TRIES = 100;
/** An operator that got no answer waits so long before anything that counts on the members. */
const PENDING_US = 3_000_000;
const NOBODY: Membership = {
  voters: [],
  outgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

export class RaftMembershipFaults {
  readonly #group: RaftGroup;
  readonly #prng: Prng;
  #nextId: ReplicaId;
  /** Whom a leader may be adding still, and adds anew when another operator removes it. */
  readonly #adding = new Set<ReplicaId>();
  /** Until then a change that was asked for may wait in a leader's memory, where nobody sees it. */
  #pendingUntilUs = 0;

  constructor(group: RaftGroup, prng: Prng) {
    this.#group = group;
    this.#prng = prng;
    this.#nextId = Math.max(...group.members.keys()) + 1;
  }

  /** One change, asked of whoever leads. */
  strike(): void {
    const group = this.#group;
    const leader = group.leader();
    // Nobody changes the members while one of them is being rebuilt.
    const { voters, outgoing } = group.checkers.membership;
    const allWhole = [...voters, ...outgoing].every((id) => group.isWhole(id));
    if (leader === undefined || leader.heldMessages !== undefined || !allWhole) return;
    this.#pendingUntilUs = group.clock.nowUs + PENDING_US;
    group.use(leader.id, (replica) => {
      const { membership } = replica.status();
      group.counters.membershipAsked += 1;
      if (this.#prng.chance(1, 4)) {
        this.#ask(replica, membership, leader.id);
        return;
      }
      const { changes, transition } = this.#draw(membership, leader.id);
      replica.changeMembership(changes, transition, (outcome) => this.#told(changes, outcome));
    });
  }

  /** By the verbs that operators have: one machine is added, voter in the end, or removed. */
  #ask(replica: Replica, { voters }: Membership, leader: ReplicaId): void {
    const prng = this.#prng;
    const added = voters.length < VOTERS_MAX && prng.chance(1, 2) ? this.#newMachine() : undefined;
    if (added !== undefined) {
      this.#adding.add(added);
      replica.addReplica(added, (outcome) => {
        if (outcome.type === "committed") this.#group.counters.replicasAdded += 1;
        this.#told([{ type: "addVoter", replica: added }], outcome);
      });
      return;
    }
    if (voters.length < 2) return;
    const removed = this.#whoLeaves(voters, leader);
    const changes: MembershipChange[] = [{ type: "remove", replica: removed }];
    replica.removeReplica(removed, (outcome) => this.#told(changes, outcome));
  }

  #told(changes: readonly MembershipChange[], outcome: MembershipOutcome): void {
    const refused = outcome.type === "invalid" || outcome.type === "refused";
    if (refused) this.#group.counters.membershipRefused += 1;
    if (refused || outcome.type === "committed") this.#pendingUntilUs = 0;
    if (outcome.type === "committed") this.#changed(changes);
  }

  /** Whether a change of members may be under way, as far as any log or operator knows. */
  isChanging(): boolean {
    const { checkers, members, clock } = this.#group;
    if (clock.nowUs < this.#pendingUntilUs || checkers.membership.outgoing.length > 0) return true;
    if (!this.#isKnown()) return true;
    for (const { store, retired } of members.values()) {
      if (retired) continue;
      for (const { entries } of [store.current, store.durable]) {
        for (let at = entries.length - 1; at >= 0; at -= 1) {
          const entry = entries[at];
          if (entry === undefined || entry.index <= checkers.committedIndex) break;
          if (entry.type === "membership") return true;
        }
      }
    }
    return false;
  }

  #draw(
    membership: Membership,
    leader: ReplicaId,
  ): { changes: readonly MembershipChange[]; transition: MembershipTransition } {
    const prng = this.#prng;
    // Leaves a joint configuration that does not leave itself; or asks for nothing, which is fine.
    if (membership.outgoing.length > 0 || prng.chance(1, 20)) {
      return { changes: [], transition: "auto" };
    }
    const changes: MembershipChange[] = [];
    for (let each = prng.chance(1, 3) ? prng.between(2, 3) : 1; each > 0; each -= 1) {
      const change = this.#drawChange(membership, leader);
      if (change !== undefined) changes.push(change);
    }
    const transition = prng.pick<MembershipTransition>(["auto", "auto", "implicit", "explicit"]);
    return { changes, transition };
  }

  #drawChange({ voters, learners }: Membership, leader: ReplicaId): MembershipChange | undefined {
    const prng = this.#prng;
    const leaves = this.#whoLeaves(voters, leader);
    switch (prng.below(6)) {
      case 0:
      case 1: {
        const replica = this.#newMachine() ?? learners[0];
        if (replica === undefined) return undefined;
        const type = voters.length < VOTERS_MAX && prng.chance(1, 2) ? "addVoter" : "addLearner";
        return { type, replica };
      }
      case 2:
        if (learners.length === 0 || voters.length >= VOTERS_MAX) return undefined;
        return { type: "addVoter", replica: prng.pick(learners) };
      case 3:
        return voters.length > 1 ? { type: "remove", replica: leaves } : undefined;
      case 4:
        return voters.length > 1 ? { type: "addLearner", replica: leaves } : undefined;
      default:
        return learners.length > 0 ? { type: "remove", replica: prng.pick(learners) } : undefined;
    }
  }

  /**
   * Of two voters the one that leads stays: it alone knows what is committed, and the other could
   * not be elected without it. Operators have it hand over first.
   */
  #whoLeaves(voters: readonly ReplicaId[], leader: ReplicaId): ReplicaId {
    if (voters.length > 2 && this.#prng.chance(1, 3)) return leader;
    const others = voters.length > 2 ? voters : voters.filter((id) => id !== leader);
    return this.#prng.pick(others.length > 0 ? others : voters);
  }

  /** A machine that was switched on and belongs to nobody yet. */
  #newMachine(): ReplicaId | undefined {
    if (this.#nextId > MACHINES_MAX) return undefined;
    const id = this.#nextId;
    this.#nextId += 1;
    this.#group.addMember(id, NOBODY);
    this.#group.start(id);
    return id;
  }

  #changed(changes: readonly MembershipChange[]): void {
    for (const { type, replica } of changes) {
      // Others go on, as machines do that were forgotten.
      const isOver = this.#prng.chance(1, 2) && !this.#adding.has(replica);
      if (type === "remove" && isOver) this.#retireLater(replica, RETIRE_TRIES);
    }
  }

  /**
   * Who was removed is switched off once a majority of those who stay has applied the removal. Off
   * before, it may be the one that the others still need to learn of it.
   */
  #retireLater(id: ReplicaId, triesLeft: number): void {
    const group = this.#group;
    group.clock.schedule(RETIRE_US, () => {
      const { checkers } = group;
      const tries = triesLeft - 1;
      if (!membersOf(checkers.membership).includes(id) && this.#isKnown()) group.retire(id);
      else if (tries > 0) this.#retireLater(id, tries);
    });
  }

  /** Whether a majority of the newest voters has applied that it is them. */
  #isKnown(): boolean {
    const { checkers } = this.#group;
    const { voters } = checkers.membership;
    const knowing = voters.filter(
      (id) => this.#group.member(id).stateMachine.appliedIndex >= checkers.membershipIndex,
    );
    return knowing.length * 2 > voters.length;
  }
}
