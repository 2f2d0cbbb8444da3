/**
 * Writes: what goes to disk next, and what a finished write allows.
 *
 * Group commit without timers: while a write is under way entries collect, and the next write takes
 * all of them, up to a bound. A change of term or vote never waits for entries. Completions name
 * their write; what was replaced meanwhile is not counted as durable by an older one. Every write
 * says how far the log is committed.
 */
import { assert } from "@atoll/stdx";
import type { Entry, HardState, SnapshotMetadata } from "./entry.ts";
import { finishRecovery } from "./recovering.ts";
import type { RaftState } from "./state.ts";
import { isHardStateDurable, send } from "./state.ts";

const NO_ENTRIES: readonly Entry[] = [];

/** Starts the next write when there is something to write and a slot for it. */
export function startWrite(state: RaftState): void {
  const log = state.log;
  const hardStateChanged =
    state.handedHardState.term !== state.term || state.handedHardState.vote !== state.vote;
  const underWay = state.pendingWrites.reduce((sum, each) => sum + (each.hasEntries ? 1 : 0), 0);
  const takesEntries =
    log.handedIndex < log.lastIndex && underWay < state.settings.writesInFlightMax;
  const standing = takeStanding(state);
  const confirmsCommit =
    state.handedHardState.commit < state.commitToConfirm &&
    log.handedIndex >= state.commitToConfirm;
  const isDue = hardStateChanged || takesEntries || confirmsCommit || standing !== undefined;
  if (!isDue) return;
  const entries = takesEntries
    ? log.slice(log.handedIndex + 1, log.lastIndex, state.settings.writeBytesMax)
    : NO_ENTRIES;
  log.handedIndex += entries.length;
  const hardState = currentHardState(state);
  state.handedHardState = hardState;
  const write = takeWrite(state);
  state.pendingWrites.push({
    write,
    lastIndex: entries.length > 0 ? log.handedIndex : 0,
    hardState,
    installed: undefined,
    hasEntries: entries.length > 0,
    standing,
  });
  state.outbox.writes.push({ type: "persist", write, hardState, entries, standing });
}

/** What the next write says about a recovery that is complete; said once. */
function takeStanding(state: RaftState): "whole" | "founded" | undefined {
  const due = state.recovery?.finishing;
  const underWay = state.pendingWrites.some((pending) => pending.standing !== undefined);
  return underWay ? undefined : due;
}

/** Starts the write that puts a received snapshot in the place of log and state. */
export function startInstall(
  state: RaftState,
  metadata: SnapshotMetadata,
  chunks: readonly Uint8Array[],
): void {
  for (const pending of state.pendingWrites) pending.lastIndex = 0;
  const hardState = currentHardState(state);
  state.handedHardState = hardState;
  const write = takeWrite(state);
  state.pendingWrites.push({
    write,
    lastIndex: metadata.index,
    hardState,
    installed: metadata,
    hasEntries: false,
    standing: undefined,
  });
  state.outbox.writes.push({ type: "installSnapshot", write, metadata, chunks, hardState });
}

/** Removes entries from `index` on; no write that is under way makes any of them durable now. */
export function truncateLog(state: RaftState, index: number, termBefore: number): void {
  state.log.truncateFrom(index, termBefore);
  for (const pending of state.pendingWrites) {
    pending.lastIndex = Math.min(pending.lastIndex, index - 1);
  }
}

/** Takes in that the oldest write is durable; returns the snapshot it installed, if any. */
export function finishWrite(state: RaftState, write: number): SnapshotMetadata | undefined {
  const pending = state.pendingWrites.shift();
  assert(pending?.write === write, `write ${write} finished before ${pending?.write}`);
  if (pending.lastIndex > state.log.stableIndex) state.log.stableIndex = pending.lastIndex;
  state.durable = pending.hardState;
  if (pending.standing !== undefined) finishRecovery(state, pending.standing);
  if (isHardStateDurable(state)) {
    for (const message of state.waiting) state.outbox.messages.push(message);
    state.waiting = [];
  }
  acknowledge(state);
  return pending.installed;
}

/** Sends the acknowledgement a follower owes once more of what it took in is durable. */
export function acknowledge(state: RaftState): void {
  if (!state.acknowledgementOwed || state.role !== "follower" || state.leader === 0) return;
  const index = Math.min(state.matchedIndex, state.log.stableIndex);
  send(state, {
    type: "appendEntriesReply",
    from: state.id,
    to: state.leader,
    term: state.term,
    success: true,
    index,
    hint: { index: 0, term: 0 },
  });
  state.acknowledgementOwed = index < state.matchedIndex;
}

/** A commit beyond what is handed to a write would point behind the end of the log. */
function currentHardState(state: RaftState): HardState {
  const commit = Math.min(state.log.committedIndex, state.log.handedIndex);
  return { term: state.term, vote: state.vote, commit };
}

function takeWrite(state: RaftState): number {
  const write = state.nextWrite;
  state.nextWrite += 1;
  return write;
}
