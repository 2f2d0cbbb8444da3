/**
 * Elections: when to campaign, whom to vote for, what the votes come to.
 *
 * Raft §5.2 and §5.4.1, with pre-vote (dissertation §9.6) and votes withheld while a leader is
 * alive (§4.2.3). When the connection to the leader breaks, its followers need not wait for the
 * timeout: each campaigns after a delay by its rank, so that they do not split the vote.
 */
import type { ReplicaId } from "./entry.ts";
import type { RequestVote, RequestVoteReply } from "./message.ts";
import { lacksTerm } from "./lookup.ts";
import { countVotes } from "./quorum.ts";
import { mayCampaign } from "./recovering.ts";
import { takeBackReads } from "./reads.ts";
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from "./roles.ts";
import type { RaftState } from "./state.ts";
import { isLeaderAlive, isRecovering, send } from "./state.ts";

/** One tick of a replica that does not lead. */
export function tickElection(state: RaftState): void {
  state.electionElapsedTicks += 1;
  let campaign = state.electionElapsedTicks >= state.electionTimeoutTicks;
  if (state.suspicionTicks > 0) {
    state.suspicionTicks -= 1;
    // A candidate waits for disks; only its timeout ends that.
    if (state.suspicionTicks === 0 && state.role !== "candidate") campaign = true;
  }
  // Alone, there is nobody to wait for but the own disk.
  const { voters, outgoing } = state.membership;
  if (voters.length === 1 && outgoing.length === 0 && state.role !== "candidate") campaign = true;
  if (campaign) startCampaign(state);
}

/** Campaigns, unless this replica leads or may not. */
export function startCampaign(state: RaftState): void {
  if (state.role === "leader" || !mayCampaign(state)) return;
  // A candidate must not count votes by a membership that it is known to be older than the log's.
  if (state.log.mayHoldUnappliedMembership()) return;
  if (state.ways.preVote) startPreVote(state);
  else startElection(state, false);
}

/** A follower no longer takes anybody for its leader; its timeout goes on. */
export function forgetLeader(state: RaftState): void {
  if (state.role !== "follower" || state.leader === 0) return;
  takeBackReads(state);
  state.leader = 0;
  state.suspected = false;
  state.suspicionTicks = 0;
}

/** The connection to the leader broke: it is dead, or its machine is, or the link. */
export function suspectLeader(state: RaftState, peer: ReplicaId): void {
  if (state.role !== "follower" || state.leader !== peer || state.suspected) return;
  state.suspected = true;
  state.suspicionTicks = rankTicks(state, peer);
}

/** The leader asked this replica to take over (dissertation §3.10). */
export function campaignForTransfer(state: RaftState): void {
  if (!mayCampaign(state) || state.role === "leader") return;
  if (state.log.mayHoldUnappliedMembership()) return;
  startElection(state, true);
}

export function handleRequestVote(state: RaftState, message: RequestVote): void {
  learnCommit(state, message);
  if (message.term < state.term) {
    replyToVote(state, message, false);
    return;
  }
  if (state.role === "candidate" && !message.preVote) retrySoon(state);
  // Who has a live leader says nothing: a refusal would end the campaign, and the next moment may
  // bring the votes of others who have lost it.
  const isLater = message.term > state.term && !message.leaderTransfer;
  if (message.preVote && isLater && isLeaderAlive(state)) return;
  const mayGrant = message.preVote
    ? message.term > state.term
    : state.vote === message.from || (state.vote === 0 && state.leader === 0);
  // Whether it has voted already a recovering replica cannot know.
  const granted = mayGrant && !isRecovering(state) && isUpToDate(state, message);
  if (granted && !message.preVote) {
    state.vote = message.from;
    state.electionElapsedTicks = 0;
    state.suspicionTicks = 0;
  }
  replyToVote(state, message, granted);
}

export function handleRequestVoteReply(state: RaftState, message: RequestVoteReply): void {
  learnCommit(state, message);
  const expected = message.preVote ? "preCandidate" : "candidate";
  if (state.role !== expected) return;
  if (message.granted && message.preVote && message.term !== state.term + 1) return;
  if (!state.votes.has(message.from)) state.votes.set(message.from, message.granted);
  settleElection(state);
}

/** Counts; a candidate's own vote counts once it is durable. */
export function settleElection(state: RaftState): void {
  if (state.role !== "preCandidate" && state.role !== "candidate") return;
  const ownVoteDurable = state.durable.term === state.term && state.durable.vote === state.id;
  if (state.role === "preCandidate" || ownVoteDurable) state.votes.set(state.id, true);
  const result = countVotes(state.membership, (id) => state.votes.get(id));
  if (result === "won") {
    if (state.role === "preCandidate") startElection(state, false);
    else becomeLeader(state);
  } else if (result === "lost") {
    becomeFollower(state, state.term, 0);
  }
}

function startPreVote(state: RaftState): void {
  becomePreCandidate(state);
  // Others may learn of the leader's loss a moment later; ask again soon, still in turn.
  const retryTicks = rankTicks(state, 0) * 2 + state.settings.heartbeatTicks;
  state.suspicionTicks = state.suspected ? retryTicks : 0;
  requestVotes(state, true);
  settleElection(state);
}

function startElection(state: RaftState, leaderTransfer: boolean): void {
  becomeCandidate(state);
  state.transferCampaign = leaderTransfer;
  requestVotes(state, false);
}

function requestVotes(state: RaftState, preVote: boolean): void {
  for (const to of new Set([...state.membership.voters, ...state.membership.outgoing])) {
    if (to === state.id) continue;
    send(state, {
      type: "requestVote",
      from: state.id,
      to,
      term: preVote ? state.term + 1 : state.term,
      preVote,
      lastLog: { index: state.log.lastIndex, term: state.log.lastTerm },
      applied: state.log.applied,
      leaderTransfer: state.transferCampaign,
    });
  }
}

/**
 * Somebody else campaigns in the same term, so the votes are likely split: nobody need wait for
 * the whole timeout. By rank, so that it does not happen again.
 */
function retrySoon(state: RaftState): void {
  const soonTicks = 2 * (state.settings.heartbeatTicks + rankTicks(state, 0));
  const timeoutTicks = state.electionElapsedTicks + soonTicks;
  state.electionTimeoutTicks = Math.min(state.electionTimeoutTicks, timeoutTicks);
}

/** A refusal says the own term, a granted pre-vote the term that was asked about. */
function replyToVote(state: RaftState, request: RequestVote, granted: boolean): void {
  send(state, {
    type: "requestVoteReply",
    from: state.id,
    to: request.from,
    term: granted && request.preVote ? request.term : state.term,
    preVote: request.preVote,
    granted,
    applied: state.log.applied,
  });
}

/**
 * An entry that is committed elsewhere and stands here too is committed here (Raft §5.3). A
 * campaign ends when that makes its membership an old one.
 */
function learnCommit(state: RaftState, message: RequestVote | RequestVoteReply): void {
  const { log, role } = state;
  const { index, term } = message.applied;
  if (role === "leader" || message.recovering) return;
  if (index <= log.committedIndex || index > log.lastIndex) return;
  if (lacksTerm(state, index) || log.termAt(index) !== term) return;
  log.commitTo(index);
  if (role !== "follower" && log.mayHoldUnappliedMembership()) becomeFollower(state, state.term, 0);
}

/** Raft §5.4.1: the later last term wins, then the longer log. */
function isUpToDate(state: RaftState, message: RequestVote): boolean {
  const { index, term } = message.lastLog;
  const lastTerm = state.log.lastTerm;
  return term > lastTerm || (term === lastTerm && index >= state.log.lastIndex);
}

/** 1 tick for the lowest id among the others of the lost leader, then one step each. */
function rankTicks(state: RaftState, lost: ReplicaId): number {
  let rank = 0;
  for (const id of state.membership.voters) if (id < state.id && id !== lost) rank += 1;
  return 1 + rank * state.settings.suspicionTicksPerRank;
}
