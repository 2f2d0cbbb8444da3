/**
 * Changes of membership as pure functions: what a group's members are after one.
 *
 * A simple change moves at most one voter, so that old and new majorities overlap. Anything larger
 * goes through a joint configuration, in which both must agree (Raft §6). A voter of the outgoing
 * configuration that becomes a learner waits in `learnersNext` until the joint one is left. These
 * functions never throw on what an operator asks for: a refusal is a value with its reason. Called
 * by the core when it proposes, by founders of groups and by tests.
 */
import type { Membership, ReplicaId } from "./entry.ts";
import { MEMBERS_MAX } from "./membership.ts";

/**
 * One step of a change. `addVoter` also promotes a learner, `addLearner` also demotes a voter,
 * `remove` of a stranger changes nothing, `update` never changes anything: it leaves an entry in
 * the log for whoever keeps facts about members. A `replica` of 0 is ignored.
 */
export interface MembershipChange {
  readonly type: "addVoter" | "addLearner" | "remove" | "update";
  readonly replica: ReplicaId;
}

/**
 * How a change is made. `auto`: simple when it names one replica, else joint, left by itself.
 * `implicit`: joint, left by itself. `explicit`: joint, left by a proposal without changes.
 */
export type MembershipTransition = "auto" | "implicit" | "explicit";

/** What a change comes to; `reason` is a sentence without its end. */
export type ChangedMembership =
  | { readonly type: "changed"; readonly membership: Membership }
  | { readonly type: "refused"; readonly reason: string };

/** Members while a change is worked out. */
interface Draft {
  readonly voters: Set<ReplicaId>;
  readonly outgoing: ReadonlySet<ReplicaId>;
  readonly learners: Set<ReplicaId>;
  readonly learnersNext: Set<ReplicaId>;
}

/** Whether `membership` is the joint of two configurations. */
export function isJoint(membership: Membership): boolean {
  return membership.outgoing.length > 0;
}

/** Applies changes of which at most one moves a voter. */
export function changeSimple(
  membership: Membership,
  changes: readonly MembershipChange[],
): ChangedMembership {
  if (isJoint(membership)) return refused("a joint configuration must be left first");
  const draft = draftOf(membership);
  for (const change of changes) applyChange(draft, change);
  if (draft.voters.size === 0) return refused("all voters would be removed");
  const before = new Set(membership.voters);
  const moved =
    [...draft.voters].filter((id) => !before.has(id)).length +
    membership.voters.filter((id) => !draft.voters.has(id)).length;
  if (moved > 1) return refused("more than one voter would change at once");
  return changed(draft, false);
}

/** Applies any changes by a joint configuration with the present voters as the outgoing ones. */
export function enterJoint(
  membership: Membership,
  changes: readonly MembershipChange[],
  autoLeave: boolean,
): ChangedMembership {
  if (isJoint(membership)) return refused("the configuration is joint already");
  if (membership.voters.length === 0) return refused("there are no voters to join with");
  const draft = draftOf({ ...membership, outgoing: membership.voters });
  for (const change of changes) applyChange(draft, change);
  if (draft.voters.size === 0) return refused("all voters would be removed");
  return changed(draft, autoLeave);
}

/** Drops the outgoing voters; those that wait to become learners do. */
export function leaveJoint(membership: Membership): ChangedMembership {
  if (!isJoint(membership)) return refused("the configuration is not joint");
  const draft = draftOf({ ...membership, outgoing: [], learnersNext: [] });
  for (const id of membership.learnersNext) draft.learners.add(id);
  return changed(draft, false);
}

/**
 * What a proposal comes to. No changes with `auto` leave a joint configuration; several changes, or
 * `implicit` or `explicit`, enter one; one change with `auto` is simple.
 */
export function planChange(
  membership: Membership,
  changes: readonly MembershipChange[],
  transition: MembershipTransition,
): ChangedMembership {
  if (transition === "auto" && changes.length === 0) return leaveJoint(membership);
  for (const { replica } of changes) {
    if (!Number.isSafeInteger(replica) || replica < 0) return refused(`no replica id: ${replica}`);
  }
  if (isJoint(membership)) return refused("a joint configuration must be left first");
  if (transition !== "auto" || changes.length > 1) {
    return enterJoint(membership, changes, transition !== "explicit");
  }
  return changeSimple(membership, changes);
}

function draftOf(membership: Membership): Draft {
  return {
    voters: new Set(membership.voters),
    outgoing: new Set(membership.outgoing),
    learners: new Set(membership.learners),
    learnersNext: new Set(membership.learnersNext),
  };
}

function applyChange(draft: Draft, change: MembershipChange): void {
  const { type, replica } = change;
  if (replica === 0 || type === "update") return;
  if (type === "addLearner" && draft.learners.has(replica)) return;
  draft.voters.delete(replica);
  draft.learners.delete(replica);
  draft.learnersNext.delete(replica);
  if (type === "addVoter") draft.voters.add(replica);
  // A learner has no vote in either configuration, so an outgoing voter has to wait.
  if (type === "addLearner") {
    (draft.outgoing.has(replica) ? draft.learnersNext : draft.learners).add(replica);
  }
}

function changed(draft: Draft, autoLeave: boolean): ChangedMembership {
  if (draft.voters.size + draft.learners.size + draft.learnersNext.size > MEMBERS_MAX) {
    return refused(`more than ${MEMBERS_MAX} members`);
  }
  return {
    type: "changed",
    membership: {
      voters: sorted(draft.voters),
      outgoing: sorted(draft.outgoing),
      learners: sorted(draft.learners),
      learnersNext: sorted(draft.learnersNext),
      autoLeave,
    },
  };
}

function sorted(ids: ReadonlySet<ReplicaId>): readonly ReplicaId[] {
  return [...ids].toSorted((left, right) => left - right);
}

function refused(reason: string): ChangedMembership {
  return { type: "refused", reason };
}
