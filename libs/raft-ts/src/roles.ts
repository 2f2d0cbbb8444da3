/**
 * Changes of role, and what each leaves behind.
 *
 * Every way from one role to another goes through here, so that nothing of an old role survives
 * by accident: votes, progress, read rounds, acknowledgements that are owed.
 */
import { assert, assertCounter } from "@atoll/stdx";
import type { ReplicaId } from "./entry.ts";
import { membersOf } from "./membership.ts";
import { Progress } from "./progress.ts";
import { takeBackReads } from "./reads.ts";
import type { RaftState } from "./state.ts";

/** Follows `leader` (0 when unknown) in `term`, which is never below the current one. */
export function becomeFollower(state: RaftState, term: number, leader: ReplicaId): void {
  assert(term >= state.term, `term ${term} after ${state.term}`);
  enterTerm(state, term);
  state.role = "follower";
  state.leader = leader;
  resetRole(state);
}

/** Asks whether an election could be won, without disturbing anybody (dissertation §9.6). */
export function becomePreCandidate(state: RaftState): void {
  assert(state.role !== "leader", "a leader does not campaign");
  state.role = "preCandidate";
  state.leader = 0;
  resetRole(state);
}

/** Enters the next term and votes for itself (Raft §5.2). */
export function becomeCandidate(state: RaftState): void {
  assert(state.role !== "leader", "a leader does not campaign");
  enterTerm(state, state.term + 1);
  state.role = "candidate";
  state.leader = 0;
  state.vote = state.id;
  resetRole(state);
}

/**
 * Takes office: everybody is probed from the end of the log, and a no-op opens the term (Raft §8).
 */
export function becomeLeader(state: RaftState): void {
  assert(state.role === "candidate", `${state.role} cannot become leader`);
  state.departed = false;
  state.role = "leader";
  state.leader = state.id;
  state.suspected = false;
  state.suspicionTicks = 0;
  resetRole(state);
  const log = state.log;
  // What was appended before this term may hold a change; it is applied before there is another.
  state.pendingMembershipIndex = log.lastIndex;
  for (const id of membersOf(state.membership)) {
    if (id !== state.id) state.progress.set(id, new Progress(log.lastIndex + 1));
  }
  state.termStartIndex = log.lastIndex + 1;
  log.append({
    index: state.termStartIndex,
    term: state.term,
    type: "noop",
    data: new Uint8Array(0),
  });
  state.unappliedBytes = log.bytesBetween(log.appliedIndex, log.lastIndex);
}

/** The leader was heard: its lease starts again and suspicion ends. */
export function heardFromLeader(state: RaftState, leader: ReplicaId): void {
  if (state.role !== "follower" || state.leader !== leader) {
    assert(state.role !== "leader", `two leaders in term ${state.term}`);
    becomeFollower(state, state.term, leader);
  }
  state.electionElapsedTicks = 0;
  state.suspected = false;
  state.suspicionTicks = 0;
}

function enterTerm(state: RaftState, term: number): void {
  if (term === state.term) return;
  assertCounter(term, "term");
  state.term = term;
  state.vote = 0;
  state.waiting = [];
  state.matchedIndex = 0;
  state.acknowledgementOwed = false;
}

function resetRole(state: RaftState): void {
  const { electionTimeoutTicksMin, electionTimeoutTicksMax } = state.settings;
  state.electionElapsedTicks = 0;
  state.heartbeatElapsedTicks = 0;
  state.electionTimeoutTicks = state.prng.between(electionTimeoutTicksMin, electionTimeoutTicksMax);
  state.votes = new Map();
  state.transferCampaign = false;
  state.progress = new Map();
  state.termStartIndex = 0;
  state.pendingMembershipIndex = 0;
  state.unappliedBytes = 0;
  state.removedAtIndex = 0;
  state.sendAhead = false;
  state.transferTo = 0;
  takeBackReads(state);
}
