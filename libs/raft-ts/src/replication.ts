/**
 * The leader's side of replication: what to send to whom, and what is committed.
 *
 * Entries go to followers and to the own disk at the same moment and in the same slices: a batch
 * that one write takes is what one message carries (Raft §5.3; dissertation §10.2.1). Commits are
 * counted over what is durable, the leader's own disk among others, and only in its own term (Raft
 * §5.4.2).
 */
import { assert } from "@atoll/stdx";
import type { LoadedEntries } from "./input.ts";
import { entryBytes } from "./log.ts";
import type { Entry, LogPosition, ReplicaId } from "./entry.ts";
import type { AppendEntriesReply, HeartbeatReply } from "./message.ts";
import type { Progress } from "./progress.ts";
import { committedIndex, isQuorum } from "./quorum.ts";
import { confirmRound } from "./reads.ts";
import { becomeFollower } from "./roles.ts";
import { resendSnapshotChunk, startSnapshot } from "./snapshot-send.ts";
import type { RaftState } from "./state.ts";
import { send, takeRequest } from "./state.ts";

const NO_ENTRIES: readonly Entry[] = [];

/** Sends every peer what its windows allow. */
export function replicate(state: RaftState): void {
  for (const [id, progress] of state.progress) replicateTo(state, id, progress);
}

/** Counts how far a majority has come, and commits (Raft §5.3, §5.4.2). */
export function advanceCommit(state: RaftState): void {
  const log = state.log;
  const index = committedIndex(state.membership, (id) =>
    id === state.id ? log.stableIndex : countedIndex(state.progress.get(id)),
  );
  if (index <= log.committedIndex || index < state.termStartIndex) return;
  log.commitTo(index);
}

/** A recovering follower counts once it is whole. */
function countedIndex(progress: Progress | undefined): number {
  return progress === undefined || progress.recovering ? 0 : progress.matchIndex;
}

export function handleAppendEntriesReply(state: RaftState, message: AppendEntriesReply): void {
  const progress = state.progress.get(message.from);
  if (progress === undefined) return;
  progress.active = true;
  if (message.success) {
    acceptAcknowledgement(state, progress, message.index);
  } else {
    // It lost its log once more.
    if (progress.recovering && message.index <= progress.matchIndex) {
      progress.forget(message.index + 1);
    }
    backOff(state, progress, message);
  }
}

export function handleHeartbeatReply(state: RaftState, message: HeartbeatReply): void {
  const progress = state.progress.get(message.from);
  if (progress === undefined) return;
  progress.active = true;
  progress.commitKnown = Math.max(progress.commitKnown, message.commitIndex);
  if (!progress.recovering) confirmRound(state, message.from, message.readRound);
  if (stepDownWhenKnown(state)) return;
  if (progress.state === "snapshot") {
    resendSnapshotChunk(state, message.from, progress);
    return;
  }
  progress.paused = false;
  // Something is missing there and nothing moved for a heartbeat: a message may be lost. An empty
  // one behind the last sent finds out.
  const behind = progress.matchIndex < state.log.handedIndex;
  if (progress.state === "replicate" && behind && !progress.advanced) {
    // Where the position before it is no longer in memory, probing reads it back.
    if (state.log.termAt(progress.nextIndex - 1) !== undefined) {
      sendEmpty(state, message.from, progress);
    } else {
      progress.becomeProbe(progress.matchIndex + 1);
    }
  }
}

/**
 * A leader that is removed leaves once a majority of those that stay knows it for ever: before,
 * they may still need its vote, and it must be there to give it. True when it has left.
 */
function stepDownWhenKnown(state: RaftState): boolean {
  if (state.removedAtIndex === 0) return false;
  const known = isQuorum(state.membership, (id) => {
    const progress = state.progress.get(id);
    return progress?.recovering === false && progress.commitKnown >= state.removedAtIndex;
  });
  if (known) {
    becomeFollower(state, state.term, 0);
    state.departed = true;
  }
  return known;
}

/** The stream to a peer broke, so what was under way is lost; start from what is known. */
export function peerStreamLost(state: RaftState, peer: ReplicaId): void {
  const progress = state.progress.get(peer);
  if (progress === undefined || progress.state === "snapshot") return;
  progress.becomeProbe(progress.matchIndex + 1);
}

/** Entries for a peer arrived from the store. */
export function sendLoaded(
  state: RaftState,
  request: number,
  loaded: LoadedEntries | undefined,
): boolean {
  for (const [id, progress] of state.progress) {
    if (progress.loadRequest !== request) continue;
    progress.loadRequest = 0;
    if (loaded === undefined) {
      startSnapshot(state, id, progress);
    } else if (loaded.previous.index + 1 === progress.nextIndex && mayAppend(state, progress)) {
      sendEntries(state, id, progress, loaded.previous, loaded.entries);
    }
    return true;
  }
  return false;
}

function acceptAcknowledgement(state: RaftState, progress: Progress, index: number): void {
  assert(index <= state.log.lastIndex, `acknowledged ${index} of ${state.log.lastIndex}`);
  if (index < progress.matchIndex) return;
  progress.acknowledged(index);
  if (progress.state === "probe") progress.becomeReplicate();
  const transfer = progress.transfer;
  if (transfer !== undefined && progress.matchIndex + 1 >= state.log.firstIndex) {
    progress.becomeProbe(index + 1);
    progress.becomeReplicate();
  }
}

/** The follower has no such entry; look further back, by its hint (Raft §5.3, end). */
function backOff(state: RaftState, progress: Progress, message: AppendEntriesReply): void {
  if (message.index <= progress.matchIndex) return;
  if (progress.state === "replicate") {
    progress.becomeProbe(progress.matchIndex + 1);
  } else if (progress.state === "probe" && message.index === progress.nextIndex - 1) {
    const agreeable = lastAtOrBelow(state, message.hint, progress.matchIndex);
    progress.becomeProbe(Math.min(message.index, agreeable + 1));
  }
}

/**
 * The last own entry, not after the hint, whose term is not above the hint's: the next that may
 * agree.
 */
function lastAtOrBelow(state: RaftState, hint: LogPosition, floor: number): number {
  let index = Math.min(hint.index, state.log.lastIndex);
  for (; index > floor; index -= 1) {
    const term = state.log.termAt(index);
    if (term === undefined || term <= hint.term) break;
  }
  return index;
}

function replicateTo(state: RaftState, id: ReplicaId, progress: Progress): void {
  const log = state.log;
  while (mayAppend(state, progress)) {
    const next = progress.nextIndex;
    const limit = state.sendAhead ? log.lastIndex : Math.max(log.handedIndex, next - 1);
    if (next > limit) {
      if (owesWord(state, progress)) sendEmpty(state, id, progress);
      return;
    }
    if (next < log.tailFirstIndex) {
      loadFor(state, id, progress);
      return;
    }
    const previous = { index: next - 1, term: log.termAt(next - 1) as number };
    const entries = log.slice(next, limit, state.settings.appendBytesMax);
    sendEntries(state, id, progress, previous, entries);
  }
}

function mayAppend(state: RaftState, progress: Progress): boolean {
  if (progress.state === "snapshot" || progress.loadRequest !== 0) return false;
  if (progress.state === "probe") return !progress.paused;
  return (
    progress.inFlightMessages < state.settings.inFlightMessagesMax &&
    progress.inFlightBytes < state.settings.inFlightBytesMax
  );
}

/** A probe always asks; else a commit is told when no entries are about to carry it. */
function owesWord(state: RaftState, progress: Progress): boolean {
  if (progress.state === "probe") return true;
  if (progress.commitSent >= state.log.committedIndex) return false;
  if (state.ways.noticesEachCommit) return true;
  return state.settings.commitNotice === "immediate" && progress.inFlightMessages === 0;
}

/** Tells the newest commit to those who have not heard of it, once per tick. */
export function noticeCommits(state: RaftState): void {
  for (const [id, progress] of state.progress) {
    if (progress.state !== "replicate") continue;
    if (progress.commitSent < state.log.committedIndex) sendEmpty(state, id, progress);
  }
}

function sendEmpty(state: RaftState, id: ReplicaId, progress: Progress): void {
  const index = progress.nextIndex - 1;
  const term = state.log.termAt(index);
  if (term === undefined) {
    // The position before `nextIndex` is only in the store.
    if (progress.loadRequest === 0) loadFor(state, id, progress);
    return;
  }
  sendEntries(state, id, progress, { index, term }, NO_ENTRIES);
}

function sendEntries(
  state: RaftState,
  to: ReplicaId,
  progress: Progress,
  previous: LogPosition,
  entries: readonly Entry[],
): void {
  const commitIndex = state.log.committedIndex;
  const { id: from, term } = state;
  send(state, { type: "appendEntries", from, to, term, previous, entries, commitIndex });
  progress.commitSent = commitIndex;
  if (progress.state === "probe") {
    progress.paused = true;
  } else if (entries.length > 0) {
    let bytes = 0;
    for (const entry of entries) bytes += entryBytes(entry);
    progress.sent(previous.index + entries.length, bytes);
  }
}

/** What it needs is no longer in memory: read it back, or send a snapshot when it is gone. */
function loadFor(state: RaftState, id: ReplicaId, progress: Progress): void {
  const from = progress.nextIndex;
  if (from < state.log.firstIndex) {
    startSnapshot(state, id, progress);
    return;
  }
  const request = takeRequest(state);
  progress.loadRequest = request;
  const to = Math.max(from + 1, state.log.tailFirstIndex);
  const maxBytes = state.settings.appendBytesMax;
  state.outbox.loads.push({ type: "loadEntries", request, from, to, maxBytes });
}
