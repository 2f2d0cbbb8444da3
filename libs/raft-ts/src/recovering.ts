/**
 * A replica that has lost what it promised, until it is whole again (docs/adr/0010).
 *
 * Its log was damaged or its folder was blank, so it may have forgotten a vote, a term, entries it
 * acknowledged. Until it is whole it neither votes nor campaigns, and everything it sends says so,
 * which keeps it out of every quorum. It asks all other voters for their terms, takes in the log,
 * asks the leader how far it must hold it, and then becomes whole with one durable write. A blank
 * replica whose group is new is whole at once; it does not campaign before all others are.
 */
import type { ReplicaId } from "./entry.ts";
import { isVoter } from "./membership.ts";
import type { Message, ReadIndexReply, TermQuery, TermReply } from "./message.ts";
import { majority } from "./quorum.ts";
import type { HeardVoter, Recovery, RecoveryView } from "./recovering-state.ts";
import { becomeFollower } from "./roles.ts";
import type { RaftState } from "./state.ts";
import { isHardStateDurable, send, takeContext } from "./state.ts";

/** Whether it may stand for election: a voter that is whole, and not of a group still founded. */
export function mayCampaign(state: RaftState): boolean {
  return isVoter(state.membership, state.id) && state.recovery === undefined;
}

/** Asks again: for terms, and for the index that the log must reach. */
export function tickRecovery(state: RaftState): void {
  const { recovery } = state;
  if (recovery === undefined) return;
  const first = recovery.idleTicks === 0;
  recovery.idleTicks += 1;
  if (!first && recovery.idleTicks % state.settings.heartbeatTicks !== 0) return;
  for (const to of otherVoters(state)) {
    const { id: from, term } = state;
    send(state, { type: "termQuery", from, to, term, context: recovery.context });
  }
  askIndex(state, recovery);
}

/**
 * Notes a group at work. While it is founded its voters ask for terms and say that they are in
 * none, and ask who would vote for them, holding nothing. The speaker may be no voter that is known
 * here: the group may have changed since.
 */
export function noteWork(state: RaftState, message: Message): void {
  if (state.recovery !== undefined && !isOfFounding(message)) state.recovery.atWork = true;
}

/** Of nobody who was ever in a term: whoever campaigned in earnest says so when it is asked. */
function isOfFounding(message: Message): boolean {
  switch (message.type) {
    case "termQuery":
    case "termReply":
      return message.term === 0;
    case "requestVote":
      return message.preVote && message.term <= 1 && message.lastLog.index === 0;
    case "requestVoteReply":
      return message.preVote && message.term <= 1 && message.applied.index === 0;
    default:
      return false;
  }
}

/** Answers with the own term, once that is durable. */
export function handleTermQuery(state: RaftState, message: TermQuery): void {
  send(state, {
    type: "termReply",
    from: state.id,
    to: message.from,
    term: state.term,
    context: message.context,
    lastIndex: state.log.lastIndex,
  });
}

export function handleTermReply(state: RaftState, message: TermReply): void {
  const { recovery } = state;
  if (message.term > state.term) becomeFollower(state, message.term, 0);
  if (recovery === undefined || message.context !== recovery.context) return;
  const { term, lastIndex, recovering = false } = message;
  const before = recovery.heard.get(message.from);
  recovery.heard.set(message.from, {
    term: Math.max(term, before?.term ?? 0),
    lastIndex: Math.max(lastIndex, before?.lastIndex ?? 0),
    recovering,
  });
}

/** Takes the leader's answer to {@link askIndex}; false when it answers another question. */
export function takeNeededIndex(state: RaftState, message: ReadIndexReply): boolean {
  const { recovery } = state;
  if (recovery === undefined || message.context !== recovery.readContext) return false;
  if (message.from !== state.leader || message.index === 0) return true;
  recovery.readContext = 0;
  recovery.needed = { term: state.term, index: message.index };
  return true;
}

/**
 * Notes that all is there to be whole again; the next write says so. The vote of the term is spent,
 * for in this term or an earlier one a vote may be forgotten, in a later one none can be.
 */
export function advanceRecovery(state: RaftState): void {
  const { recovery } = state;
  if (recovery === undefined || recovery.finishing !== undefined) return;
  if (recovery.standing === "founded") {
    if (isFoundingOver(state, recovery)) state.recovery = undefined;
  } else if (isGroupNew(state, recovery)) {
    recovery.finishing = "founded";
  } else if (isRestored(state, recovery)) {
    state.vote = state.id;
    recovery.finishing = "whole";
  }
}

/** The write that makes it whole is durable. */
export function finishRecovery(state: RaftState, standing: "whole" | "founded"): void {
  const { recovery } = state;
  if (recovery === undefined) return;
  recovery.standing = standing;
  recovery.finishing = undefined;
  if (standing === "whole") state.recovery = undefined;
  state.electionElapsedTicks = 0;
}

/** Leader: notes whether the sender counts. One that has just lost its log is probed anew. */
export function noteSender(state: RaftState, message: Message): void {
  const progress = state.progress.get(message.from);
  if (progress === undefined) return;
  const recovering = message.recovering === true;
  if (recovering && !progress.recovering) progress.forget(state.log.lastIndex + 1);
  progress.recovering = recovering;
}

export function viewRecovery(state: RaftState): RecoveryView | undefined {
  const { recovery } = state;
  if (recovery === undefined) return undefined;
  const others = otherVoters(state);
  const silent = others.filter((id) => !recovery.heard.has(id));
  const recovering = others.filter((id) => recovery.heard.get(id)?.recovering === true);
  return {
    standing: recovery.standing as RecoveryView["standing"],
    silent,
    recovering,
    healthy: others.length - silent.length - recovering.length,
    healthyNeeded: majority(others.length + 1),
    neededIndex: recovery.needed?.index,
  };
}

/**
 * Every other voter has been heard and holds nothing, and so does this one. One that was damaged
 * may take part: whoever it voted for would be in a term. Where there is nobody to ask, a while
 * must pass in which nobody speaks.
 */
function isGroupNew(state: RaftState, recovery: Recovery): boolean {
  if (!isBlank(state) || recovery.atWork) return false;
  const alone = otherVoters(state).length === 0;
  if (alone && recovery.standing === "recovering") return false;
  if (alone && recovery.idleTicks < state.settings.electionTimeoutTicksMax) return false;
  return isVoter(state.membership, state.id) && othersAre(state, recovery, holdsNothing);
}

/** Everybody is whole or the group is at work: waiting would help nobody. */
function isFoundingOver(state: RaftState, recovery: Recovery): boolean {
  return !isBlank(state) || othersAre(state, recovery, ({ recovering }) => !recovering);
}

/**
 * Every other voter was heard and none is in a later term; all that the leader of this term said is
 * durable and applied here, so the membership is not older than that either.
 */
function isRestored(state: RaftState, recovery: Recovery): boolean {
  const { needed } = recovery;
  const { log } = state;
  if (needed === undefined || needed.term !== state.term) return false;
  if (state.role !== "follower" || state.leader === 0 || !isHardStateDurable(state)) return false;
  if (state.matchedIndex < needed.index || log.stableIndex < needed.index) return false;
  if (log.appliedIndex < needed.index) return false;
  return othersAre(state, recovery, ({ term }) => term <= state.term);
}

function askIndex(state: RaftState, recovery: Recovery): void {
  if (recovery.standing === "founded" || state.leader === 0 || state.leader === state.id) return;
  if (recovery.needed?.term === state.term) return;
  if (recovery.readContext === 0) recovery.readContext = takeContext(state);
  const { id: from, leader: to, term } = state;
  send(state, { type: "readIndexRequest", from, to, term, context: recovery.readContext });
}

function othersAre(
  state: RaftState,
  recovery: Recovery,
  holds: (heard: HeardVoter) => boolean,
): boolean {
  return otherVoters(state).every((id) => {
    const heard = recovery.heard.get(id);
    return heard !== undefined && holds(heard);
  });
}

function holdsNothing({ term, lastIndex }: HeardVoter): boolean {
  return term === 0 && lastIndex === 0;
}

function isBlank(state: RaftState): boolean {
  return state.term === 0 && state.log.lastIndex === 0;
}

function otherVoters(state: RaftState): ReplicaId[] {
  const { voters, outgoing } = state.membership;
  return [...new Set([...voters, ...outgoing])].filter((id) => id !== state.id);
}
