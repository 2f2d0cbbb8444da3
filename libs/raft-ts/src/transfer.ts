/**
 * Handing over leadership on request (dissertation §3.10).
 *
 * The leader takes no proposals, brings the chosen voter up to date, tells it to campaign at once,
 * and takes proposals again if nothing came of it within an election timeout.
 */
import type { ReplicaId } from "./entry.ts";
import { isVoter } from "./membership.ts";
import type { RaftState } from "./state.ts";
import { send } from "./state.ts";

export function startTransfer(state: RaftState, to: ReplicaId): void {
  if (state.role !== "leader" || to === state.id || !isVoter(state.membership, to)) return;
  state.transferTo = to;
  state.transferTicks = 0;
  state.transferAsked = false;
}

export function tickTransfer(state: RaftState): void {
  if (state.transferTo === 0) return;
  state.transferTicks += 1;
  if (state.transferTicks >= state.settings.electionTimeoutTicksMin) state.transferTo = 0;
}

/** Asks once the other has everything. */
export function checkTransfer(state: RaftState): void {
  if (state.transferTo === 0 || state.transferAsked) return;
  const progress = state.progress.get(state.transferTo);
  if (progress?.matchIndex !== state.log.lastIndex || progress.recovering) return;
  state.transferAsked = true;
  send(state, { type: "timeoutNow", from: state.id, to: state.transferTo, term: state.term });
}
