/**
 * What must hold of memberships in a simulated Raft group.
 *
 * Neighbouring configurations overlap in every majority; a replica goes by the one it has applied,
 * and never stands for election under an older one than it has acted on; only voters stand. Told of
 * entries and of replicas by the checkers; shares no code with the core but the encoding.
 */
import type { Entry, Membership, ReplicaId } from "raft-ts";
import { decodeMembership } from "raft-ts";
import type { ReplicaStatus } from "@atoll/raft-replica";

interface Step {
  readonly index: number;
  readonly membership: Membership;
}

export class MembershipChecker {
  /** In the order of the log; the founding one at index 0. */
  readonly #steps: Step[];
  /** The index of the newest membership each replica has acted on, in any of its lives. */
  readonly #actedOn = new Map<ReplicaId, number>();
  readonly #fail: (reason: string) => never;

  constructor(founding: Membership, fail: (reason: string) => never) {
    this.#steps = [{ index: 0, membership: founding }];
    this.#fail = fail;
  }

  /** The newest that is committed. */
  get newest(): Membership {
    return (this.#steps.at(-1) as Step).membership;
  }

  /** Where the newest stands in the log. */
  get newestIndex(): number {
    return (this.#steps.at(-1) as Step).index;
  }

  /** All that were committed, in order, the founding one first. */
  all(): readonly Membership[] {
    return this.#steps.map(({ membership }) => membership);
  }

  /** Another entry became known as committed. */
  committed(entry: Entry): void {
    if (entry.type !== "membership") return;
    const membership = decodeMembership(entry.data);
    if (membership === undefined) return this.#fail(`entry ${entry.index} is no membership`);
    const problem = stepProblem(this.newest, membership);
    if (problem !== undefined) this.#fail(`membership at ${entry.index}: ${problem}`);
    this.#steps.push({ index: entry.index, membership });
    return undefined;
  }

  /** A replica lost its disk, and with it what it acted on. */
  forget(id: ReplicaId): void {
    this.#actedOn.delete(id);
  }

  /**
   * A replica came to rest.
   * @param durableTo what its disk says to be committed. Who took in a snapshot that is not durable
   * yet may go back behind it: it has neither voted nor won a vote by it.
   */
  observed(status: ReplicaStatus, durableTo: number): void {
    const { id, role, membership, appliedIndex } = status;
    if (role === "stopped") return;
    const applied = this.#at(appliedIndex);
    // The founding one is in no entry: who joins by the log alone knows of nobody before the next.
    const knowsNobody = applied.index === 0 && membership.voters.length === 0;
    if (!knowsNobody && !isSame(applied.membership, membership)) {
      this.#fail(`${id} applied ${appliedIndex} and goes by ${text(membership)}`);
    }
    if (role === "leader" || applied.index <= durableTo) this.#note(id, applied.index);
    if (role === "follower") return;
    const isVoter = membership.voters.includes(id) || membership.outgoing.includes(id);
    // A removed leader stays until those that stay know of it.
    if (!isVoter && role !== "leader")
      this.#fail(`${id} is ${role} and no voter of ${text(membership)}`);
    const actedOn = this.#actedOn.get(id) ?? 0;
    if (applied.index < actedOn) {
      this.#fail(`${id} is ${role} by the membership of ${applied.index}, it knew ${actedOn}`);
    }
  }

  #note(id: ReplicaId, index: number): void {
    if (index > (this.#actedOn.get(id) ?? 0)) this.#actedOn.set(id, index);
  }

  #at(index: number): Step {
    for (let at = this.#steps.length - 1; at > 0; at -= 1) {
      const step = this.#steps[at] as Step;
      if (step.index <= index) return step;
    }
    return this.#steps[0] as Step;
  }
}

/** Why a majority of `before` and one of `after` might miss each other; undefined when not. */
function stepProblem(before: Membership, after: Membership): string | undefined {
  if (after.voters.length === 0) return "nobody votes";
  const voting = new Set([...after.voters, ...after.outgoing]);
  if (after.learners.some((id) => voting.has(id))) return "a learner votes";
  if (before.outgoing.length > 0) {
    if (after.outgoing.length > 0) return "from joint to joint";
    return same(before.voters, after.voters) ? undefined : "other voters than the joint ones";
  }
  if (after.outgoing.length > 0) {
    return same(before.voters, after.outgoing) ? undefined : "leaves others than there were";
  }
  const moved =
    before.voters.filter((id) => !after.voters.includes(id)).length +
    after.voters.filter((id) => !before.voters.includes(id)).length;
  return moved > 1 ? `${moved} voters at once` : undefined;
}

function isSame(left: Membership, right: Membership): boolean {
  return (
    same(left.voters, right.voters) &&
    same(left.outgoing, right.outgoing) &&
    same(left.learners, right.learners) &&
    same(left.learnersNext, right.learnersNext) &&
    left.autoLeave === right.autoLeave
  );
}

function same(left: readonly ReplicaId[], right: readonly ReplicaId[]): boolean {
  return left.length === right.length && left.every((id, at) => id === right[at]);
}

function text({ voters, outgoing, learners }: Membership): string {
  return `[${voters.join(" ")}] [${outgoing.join(" ")}] learners [${learners.join(" ")}]`;
}
