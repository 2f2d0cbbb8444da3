/**
 * Heartbeats: a leader's authority, and the proof of it that reads ask for.
 *
 * They carry no entries, so nothing large delays them. The commit index in one is never above what
 * its receiver acknowledged as durable, and its term tells a receiver whose disk went back to an
 * older state.
 */
import type { RaftState } from "./state.ts";
import { send } from "./state.ts";

/** Keeps authority; also carries the read round that waits, so a lost one is repeated. */
export function broadcastHeartbeat(state: RaftState): void {
  const readRound = state.readRound?.number ?? 0;
  for (const [to, progress] of state.progress) {
    const commitIndex = Math.min(progress.matchIndex, state.log.committedIndex);
    progress.commitSent = Math.max(progress.commitSent, commitIndex);
    const { id: from, term } = state;
    const commitTerm = state.log.termAt(commitIndex) ?? 0;
    send(state, { type: "heartbeat", from, to, term, commitIndex, commitTerm, readRound });
  }
}
