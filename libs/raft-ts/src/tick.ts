/**
 * What the passing of time does, on leaders and on everybody else.
 *
 * Time is nothing but the count of ticks. A leader that no majority answers for an election timeout
 * steps down by itself, so that its clients go elsewhere. Called by the core.
 */
import { tickElection } from "./election.ts";
import type { ReplicaId } from "./entry.ts";
import { broadcastHeartbeat } from "./heartbeat.ts";
import { isQuorum } from "./quorum.ts";
import { tickReads } from "./reads.ts";
import { tickRecovery } from "./recovering.ts";
import { noticeCommits } from "./replication.ts";
import { becomeFollower } from "./roles.ts";
import { tickSnapshots } from "./snapshot-send.ts";
import type { RaftState } from "./state.ts";
import { tickTransfer } from "./transfer.ts";

/** One tick of logical time. */
export function tick(state: RaftState): void {
  tickReads(state);
  tickRecovery(state);
  if (state.role !== "leader") {
    tickElection(state);
    return;
  }
  state.electionElapsedTicks += 1;
  if (state.electionElapsedTicks >= state.settings.electionTimeoutTicksMin) {
    if (state.ways.checkQuorum && !checkQuorum(state)) return;
    state.electionElapsedTicks = 0;
  }
  tickTransfer(state);
  tickSnapshots(state);
  noticeCommits(state);
  // The own disk is slower than a tick; followers need not wait for it.
  if (state.pendingWrites.length > 0) state.sendAhead = true;
  state.heartbeatElapsedTicks += 1;
  if (state.heartbeatElapsedTicks >= state.settings.heartbeatTicks) {
    state.heartbeatElapsedTicks = 0;
    for (const progress of state.progress.values()) progress.advanced = false;
    broadcastHeartbeat(state);
  }
}

/** Steps down when no majority answered for an election timeout (dissertation §6.2). */
function checkQuorum(state: RaftState): boolean {
  const alive = isQuorum(state.membership, (id) => id === state.id || counts(state, id));
  if (!alive) {
    becomeFollower(state, state.term, 0);
    return false;
  }
  for (const progress of state.progress.values()) progress.active = false;
  return true;
}

function counts(state: RaftState, id: ReplicaId): boolean {
  const progress = state.progress.get(id);
  return progress !== undefined && progress.active && !progress.recovering;
}
