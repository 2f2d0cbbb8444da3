/**
 * What an operator asks of a group, where it takes more than one step: adding, removing, handing
 * over.
 *
 * Which step of an addition comes next says `additionStep`. What is asked lives in the memory of
 * the leader that was asked: when that ends, the asker hears `unknown` and asks the next leader,
 * which goes on where the first one stopped, as each step looks at the membership in force. An
 * addition waits for its replica for as long as that leader leads. Called by `Replica`, once per
 * tick and at each change of leadership.
 */
import type { CoreView, MembershipChange, ReplicaId } from "raft-ts";
import { additionStep } from "./addition-step.ts";
import type { MembershipOutcome, TransferOutcome } from "./ports.ts";

/** Additions that wait at once; more are refused as overloaded. */
const ADDITIONS_MAX = 16;

interface Addition {
  readonly done: (outcome: MembershipOutcome) => void;
  /** A proposal of it is under way. */
  proposing: boolean;
}

interface Departure {
  readonly done: (outcome: MembershipOutcome) => void;
  readonly outcome: MembershipOutcome;
}

export interface OperatorVerbsOptions {
  readonly promoteLagEntries: number;
  readonly view: () => CoreView;
  readonly change: (
    changes: readonly MembershipChange[],
    done: (outcome: MembershipOutcome) => void,
  ) => void;
  readonly transfer: (to: ReplicaId) => void;
}

export class OperatorVerbs {
  readonly #options: OperatorVerbsOptions;
  readonly #additions = new Map<ReplicaId, Addition>();
  /** Who waits for what comes of handing over; one at a time. */
  #transferDone: ((outcome: TransferOutcome) => void) | undefined;
  /** Own removals, told when this replica leads no more. */
  #departures: Departure[] = [];
  #stopped = false;

  constructor(options: OperatorVerbsOptions) {
    this.#options = options;
  }

  /** Answers `committed` once the replica is a voter. */
  add(id: ReplicaId, done: (outcome: MembershipOutcome) => void): void {
    const view = this.#options.view();
    if (this.#stopped || view.role !== "leader") {
      done({ type: "refused", reason: this.#reason(), leader: view.leader });
    } else if (view.membership.voters.includes(id)) {
      done({ type: "invalid", reason: `replica ${id} is a voter already` });
    } else if (this.#additions.has(id)) {
      done({ type: "refused", reason: "membershipChanging", leader: view.leader });
    } else if (this.#additions.size >= ADDITIONS_MAX) {
      done({ type: "refused", reason: "overloaded", leader: view.leader });
    } else {
      const addition = { done, proposing: false };
      this.#additions.set(id, addition);
      this.#advance(id, addition, view);
    }
  }

  /**
   * Answers `committed` once the replica is no member any more; of this leader itself once it has
   * stepped down, so that whoever ends it then leaves the others able to go on.
   */
  remove(id: ReplicaId, done: (outcome: MembershipOutcome) => void): void {
    const { id: own, role, leader, membership } = this.#options.view();
    const { voters, learners, learnersNext } = membership;
    if (this.#stopped || role !== "leader") {
      done({ type: "refused", reason: this.#reason(), leader });
      return;
    }
    if (![...voters, ...learners, ...learnersNext].includes(id)) {
      done({ type: "invalid", reason: `replica ${id} is no member` });
      return;
    }
    this.#end(id, { type: "invalid", reason: `replica ${id} is being removed` });
    this.#options.change([{ type: "remove", replica: id }], (outcome) => {
      if (id !== own || outcome.type !== "committed") done(outcome);
      else this.#departures.push({ done, outcome });
    });
  }

  transfer(to: ReplicaId, done: (outcome: TransferOutcome) => void): void {
    const { id, role, leader, membership } = this.#options.view();
    if (this.#stopped || role !== "leader") {
      done({ type: "refused", reason: this.#reason(), leader });
    } else if (this.#transferDone !== undefined) {
      done({ type: "refused", reason: "transferring", leader });
    } else if (to === id || !membership.voters.includes(to)) {
      done({ type: "refused", reason: "notVoter", leader });
    } else {
      this.#transferDone = done;
      this.#options.transfer(to);
    }
  }

  /** Hands over to the voter that has most of the log, if this replica leads and there is one. */
  handOver(done: (outcome: TransferOutcome) => void): void {
    const { role, leader, membership, peers } = this.#options.view();
    if (this.#stopped || role !== "leader") {
      done({ type: "refused", reason: this.#reason(), leader });
      return;
    }
    const able = peers.filter(({ id, active }) => active && membership.voters.includes(id));
    const best = able.toSorted((left, right) => right.matchIndex - left.matchIndex)[0];
    if (best === undefined) done({ type: "refused", reason: "notVoter", leader });
    else this.transfer(best.id, done);
  }

  /** Promotes who has caught up, and ends what came to nothing. */
  tick(): void {
    const idle = this.#additions.size === 0 && this.#transferDone === undefined;
    if (idle && this.#departures.length === 0) return;
    const view = this.#options.view();
    if (view.role !== "leader") {
      this.leadershipLost(view.leader);
      return;
    }
    for (const [id, addition] of this.#additions) this.#advance(id, addition, view);
    if (view.transferTo === 0) this.#endTransfer({ type: "failed" });
  }

  /** This replica does not lead; `leader` is 0 where it is not known who does. */
  leadershipLost(leader: ReplicaId): void {
    for (const id of this.#additions.keys()) this.#end(id, { type: "unknown", leader });
    this.#endTransfer({ type: "handedOver", leader });
    this.#tellDepartures(leader);
  }

  stop(leader: ReplicaId): void {
    this.#stopped = true;
    for (const id of this.#additions.keys()) this.#end(id, { type: "unknown", leader });
    this.#endTransfer({ type: "refused", reason: "stopped", leader });
    this.#tellDepartures(leader);
  }

  /** Where leadership was lost before the others knew, they may still need this replica. */
  #tellDepartures(leader: ReplicaId): void {
    const { departed } = this.#options.view();
    for (const { done, outcome } of this.#departures.splice(0)) {
      done(departed ? outcome : { type: "unknown", leader });
    }
  }

  #reason(): "stopped" | "notLeader" {
    return this.#stopped ? "stopped" : "notLeader";
  }

  /** One step, where none is under way. */
  #advance(id: ReplicaId, addition: Addition, view: CoreView): void {
    if (addition.proposing || view.appliedIndex < view.pendingMembershipIndex) return;
    const step = additionStep(id, view, this.#options.promoteLagEntries);
    if (step === "none") {
      // Somebody else has done it meanwhile.
      this.#end(id, { type: "invalid", reason: `replica ${id} is a voter already` });
    } else if (step !== "wait") {
      this.#propose(id, addition, { type: step, replica: id });
    }
  }

  #propose(id: ReplicaId, addition: Addition, change: MembershipChange): void {
    addition.proposing = true;
    this.#options.change([change], (outcome) => {
      addition.proposing = false;
      const again = outcome.type === "refused" && outcome.reason === "membershipChanging";
      if (again || (outcome.type === "committed" && change.type === "addLearner")) return;
      this.#end(id, outcome);
    });
  }

  #end(id: ReplicaId, outcome: MembershipOutcome): void {
    const addition = this.#additions.get(id);
    if (addition === undefined) return;
    this.#additions.delete(id);
    addition.done(outcome);
  }

  #endTransfer(outcome: TransferOutcome): void {
    const done = this.#transferDone;
    this.#transferDone = undefined;
    done?.(outcome);
  }
}
