/**
 * Where messages come in: terms are compared, then each goes to the part that handles it.
 *
 * Raft §5.1: a later term is followed, an earlier one is answered only so that its sender learns. A
 * vote asked for while a leader is alive changes nobody's term (dissertation §4.2.3).
 */
import { unreachable } from "@atoll/stdx";
import { campaignForTransfer, handleRequestVote, handleRequestVoteReply } from "./election.ts";
import { handleAppendEntries, handleHeartbeat } from "./follower.ts";
import type { Message } from "./message.ts";
import { handleReadIndexReply, handleReadIndexRequest } from "./reads.ts";
import {
  handleTermQuery,
  handleTermReply,
  noteSender,
  noteWork,
  takeNeededIndex,
} from "./recovering.ts";
import { handleAppendEntriesReply, handleHeartbeatReply } from "./replication.ts";
import { becomeFollower } from "./roles.ts";
import { handleInstallSnapshot } from "./snapshot-receive.ts";
import { handleInstallSnapshotReply } from "./snapshot-send.ts";
import type { RaftState } from "./state.ts";
import { isLeaderAlive, send } from "./state.ts";

/** Takes one message; what is not for this replica or not of this term never gets further. */
export function receive(state: RaftState, message: Message): void {
  if (message.to !== state.id) return;
  if (state.role === "leader") noteSender(state, message);
  noteWork(state, message);
  // Questions and answers about terms disturb nobody and count in any term.
  if (message.type === "termQuery") return handleTermQuery(state, message);
  if (message.type === "termReply") return handleTermReply(state, message);
  if (message.term > state.term && !enterTermOf(state, message)) return;
  if (message.term < state.term) {
    answerOldTerm(state, message);
    return;
  }
  switch (message.type) {
    case "requestVote":
      handleRequestVote(state, message);
      break;
    case "requestVoteReply":
      handleRequestVoteReply(state, message);
      break;
    case "appendEntries":
      handleAppendEntries(state, message);
      break;
    case "appendEntriesReply":
      handleAppendEntriesReply(state, message);
      break;
    case "heartbeat":
      handleHeartbeat(state, message);
      break;
    case "heartbeatReply":
      handleHeartbeatReply(state, message);
      break;
    case "readIndexRequest":
      handleReadIndexRequest(state, message);
      break;
    case "readIndexReply":
      if (!takeNeededIndex(state, message)) handleReadIndexReply(state, message);
      break;
    case "installSnapshot":
      handleInstallSnapshot(state, message);
      break;
    case "installSnapshotReply":
      handleInstallSnapshotReply(state, message);
      break;
    case "timeoutNow":
      campaignForTransfer(state);
      break;
    default:
      unreachable(message, "message");
  }
}

/** Follows a later term; false when the message must not be looked at further. */
function enterTermOf(state: RaftState, message: Message): boolean {
  if (message.type === "requestVote") {
    if (message.preVote) return true;
    // A voter with a live leader takes no part: whoever campaigns was cut off from it.
    if (isLeaderAlive(state) && !message.leaderTransfer) return false;
  }
  if (message.type === "requestVoteReply" && message.preVote && message.granted) return true;
  becomeFollower(state, message.term, isFromLeader(message) ? message.from : 0);
  return true;
}

/** Tells a leader or candidate of an earlier term that it is over; all else of it is ignored. */
function answerOldTerm(state: RaftState, message: Message): void {
  if (message.type === "requestVote") {
    handleRequestVote(state, message);
    return;
  }
  if (!isFromLeader(message)) return;
  const { id: from, term } = state;
  send(state, {
    type: "heartbeatReply",
    from,
    to: message.from,
    term,
    readRound: 0,
    commitIndex: 0,
  });
}

/** Only the leader of a term sends these. */
function isFromLeader(message: Message): boolean {
  return (
    message.type === "appendEntries" ||
    message.type === "heartbeat" ||
    message.type === "installSnapshot"
  );
}
