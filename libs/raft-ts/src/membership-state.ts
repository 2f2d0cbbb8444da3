/**
 * Membership as a leader changes it and as every replica takes it up.
 *
 * A change is an entry that holds the whole resulting membership. It takes effect where it is
 * applied, not where it is appended: until then elections and commits go by the one before. So that
 * two configurations in use are never more than one change apart, a leader proposes none while one
 * may wait in its log to be applied. Called by the core.
 */
import type { Membership } from "./entry.ts";
import { entryBytes } from "./log.ts";
import { encodeMembership, isVoter, membersOf } from "./membership.ts";
import type { MembershipChange, MembershipTransition } from "./membership-change.ts";
import { isJoint, leaveJoint, planChange } from "./membership-change.ts";
import { Progress } from "./progress.ts";
import { settleRound } from "./reads.ts";
import { noticeCommits } from "./replication.ts";
import { becomeFollower } from "./roles.ts";
import type { RaftState } from "./state.ts";

type Refusal = "notLeader" | "overloaded" | "membershipChanging" | "invalid";

/** Appends a change, or says why not; both as an answer among the effects. */
export function changeMembership(
  state: RaftState,
  proposal: number,
  changes: readonly MembershipChange[],
  transition: MembershipTransition,
): void {
  const refuse = (reason: Refusal, detail = ""): void => {
    const leader = state.transferTo !== 0 ? state.transferTo : state.leader;
    state.outbox.answers.push({ type: "proposalRefused", proposal, reason, detail, leader });
  };
  if (!mayPropose(state)) return refuse("notLeader");
  if (state.log.appliedIndex < state.pendingMembershipIndex) return refuse("membershipChanging");
  if (state.unappliedBytes >= state.settings.uncommittedBytesMax) return refuse("overloaded");
  const { membership } = state;
  // The leader leaves it at once by itself.
  if (isJoint(membership) && membership.autoLeave && changes.length > 0) {
    return refuse("membershipChanging");
  }
  const planned = planChange(membership, changes, transition);
  if (planned.type === "refused") return refuse("invalid", planned.reason);
  const index = appendMembership(state, planned.membership);
  state.outbox.answers.push({
    type: "proposalAccepted",
    proposal,
    firstIndex: index,
    lastIndex: index,
    term: state.term,
  });
}

/** Whether this replica takes proposals; a leader that is no member any more does not. */
export function mayPropose(state: RaftState): boolean {
  if (state.role !== "leader" || state.transferTo !== 0) return false;
  return isVoter(state.membership, state.id) || state.membership.learners.includes(state.id);
}

/** Leaves a joint configuration that asks for it, once all of it is applied here. */
export function leaveJointByItself(state: RaftState): void {
  const { membership, log } = state;
  if (!membership.autoLeave || !isJoint(membership) || !mayPropose(state)) return;
  if (log.appliedIndex < Math.max(state.pendingMembershipIndex, state.termStartIndex)) return;
  const left = leaveJoint(membership);
  if (left.type === "changed") appendMembership(state, left.membership);
}

/** The membership entry at `index` was applied: from here on it decides. */
export function activateMembership(state: RaftState, membership: Membership, index: number): void {
  if (state.role === "leader") {
    // Whoever leaves hears at least of the commit that removes it.
    noticeCommits(state);
  }
  state.membership = membership;
  if (state.role !== "leader") return;
  const { stepDownOnRemoval } = state.ways;
  if (!isVoter(membership, state.id)) {
    if (stepDownOnRemoval === "atOnce") {
      becomeFollower(state, state.term, 0);
      return;
    }
    if (stepDownOnRemoval === "whenKnown") state.removedAtIndex = index;
  }
  const members = new Set(membersOf(membership));
  for (const id of state.progress.keys()) if (!members.has(id)) state.progress.delete(id);
  for (const id of members) {
    if (id === state.id || state.progress.has(id)) continue;
    state.progress.set(id, new Progress(Math.max(state.log.lastIndex, 1)));
  }
  if (!isVoter(membership, state.transferTo)) state.transferTo = 0;
  // Those that are left may all have confirmed it, and nobody else is listened to.
  settleRound(state);
}

function appendMembership(state: RaftState, membership: Membership): number {
  const index = state.log.lastIndex + 1;
  const data = encodeMembership(membership);
  const entry = { index, term: state.term, type: "membership", data } as const;
  state.log.append(entry);
  state.unappliedBytes += entryBytes(entry);
  state.pendingMembershipIndex = index;
  return index;
}
