/**
 * The follower's side of replication (Raft §5.3).
 *
 * Entries are taken in when what stands before them agrees; what contradicts the leader is
 * replaced. An acknowledgement says what is durable here and leaves when it is, one for all
 * messages that the same write covers. What is committed is never cut.
 */
import type { Entry, LogPosition, ReplicaId } from "./entry.ts";
import { waitsForTerms } from "./lookup.ts";
import type { AppendEntries, Heartbeat } from "./message.ts";
import { acknowledge, truncateLog } from "./persistence.ts";
import { heardFromLeader } from "./roles.ts";
import type { RaftState } from "./state.ts";
import { isRecovering, send } from "./state.ts";

export function handleAppendEntries(state: RaftState, message: AppendEntries): void {
  heardFromLeader(state, message.from);
  const log = state.log;
  const { previous, entries } = message;
  if (!isContiguous(message)) return;
  const lastNew = previous.index + entries.length;
  if (waitsForTerms(state, message, { from: previous.index, to: lastNew })) return;
  // What is committed here agrees with every leader (Raft §5.4.3), even where its term is
  // forgotten.
  const agrees =
    previous.index <= log.committedIndex || log.termAt(previous.index) === previous.term;
  if (!agrees) {
    refuse(state, message.from, previous);
    return;
  }
  takeIn(state, previous.term, entries);
  log.forgetTerms();
  if (lastNew > state.matchedIndex) state.matchedIndex = lastNew;
  log.commitTo(Math.max(log.committedIndex, Math.min(message.commitIndex, lastNew)));
  state.acknowledgementOwed = true;
  // What needs a write is acknowledged by its completion.
  if (lastNew <= log.stableIndex) acknowledge(state);
}

export function handleHeartbeat(state: RaftState, message: Heartbeat): void {
  heardFromLeader(state, message.from);
  const log = state.log;
  if (isRecovering(state) && message.commitIndex > state.matchedIndex) {
    // The leader does not know yet that what this replica acknowledged is gone.
    const previous = { index: message.commitIndex, term: state.term };
    refuse(state, message.from, previous);
    return;
  }
  if (message.commitIndex > log.lastIndex) {
    // The leader commits no more to a follower than it acknowledged, so acknowledged entries are
    // gone.
    const known = `the leader knows ${message.commitIndex}, the log ends at ${log.lastIndex}`;
    state.outbox.failure = `acknowledged entries are lost: ${known}`;
    return;
  }
  const { commitIndex, commitTerm } = message;
  const ownTerm = log.termAt(commitIndex);
  if (commitTerm !== 0 && ownTerm !== undefined && ownTerm !== commitTerm) {
    const known = `entry ${commitIndex} is of term ${ownTerm}, the leader's of ${commitTerm}`;
    state.outbox.failure = `acknowledged entries are lost: ${known}`;
    return;
  }
  log.commitTo(Math.max(log.committedIndex, commitIndex));
  send(state, {
    type: "heartbeatReply",
    from: state.id,
    to: message.from,
    term: state.term,
    readRound: message.readRound,
    commitIndex: state.durable.commit,
  });
}

function takeIn(state: RaftState, previousTerm: number, entries: readonly Entry[]): void {
  const log = state.log;
  let termBefore = previousTerm;
  for (const entry of entries) {
    const known =
      entry.index <= log.committedIndex ||
      (entry.index <= log.lastIndex && log.termAt(entry.index) === entry.term);
    if (!known) {
      if (entry.index <= log.lastIndex) truncateLog(state, entry.index, termBefore);
      log.append(entry);
    }
    termBefore = entry.term;
  }
}

/**
 * Says where the logs may agree: the last entry at or before the refused one with no later term.
 */
function refuse(state: RaftState, to: ReplicaId, previous: LogPosition): void {
  const log = state.log;
  let index = Math.min(previous.index, log.lastIndex);
  let term = log.termAt(index);
  while (index > log.committedIndex && term !== undefined && term > previous.term) {
    index -= 1;
    term = log.termAt(index);
  }
  send(state, {
    type: "appendEntriesReply",
    from: state.id,
    to,
    term: state.term,
    success: false,
    index: previous.index,
    // Where the own term is not in memory, the leader's own is as good a guess as any.
    hint: { index, term: term ?? previous.term },
  });
}

/** A message that skips indexes or lets terms fall is not from a leader of ours. */
function isContiguous(message: AppendEntries): boolean {
  let { index, term } = message.previous;
  for (const entry of message.entries) {
    if (entry.index !== index + 1 || entry.term < term || entry.term > message.term) return false;
    index = entry.index;
    term = entry.term;
  }
  return true;
}
