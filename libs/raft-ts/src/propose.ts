/**
 * How a leader takes in proposals.
 *
 * A batch becomes entries with contiguous indexes at once; disks and followers get them when
 * effects are taken. What is not applied yet is bounded in bytes, and past the bound a proposal
 * is refused.
 */
import { assert } from "@atoll/stdx";
import type { Entry } from "./entry.ts";
import { entryBytes } from "./log.ts";
import { mayPropose } from "./membership-state.ts";
import type { RaftState } from "./state.ts";

/** Appends a batch, or says why not; both as an answer among the effects. */
export function propose(state: RaftState, proposal: number, data: readonly Uint8Array[]): void {
  const { log } = state;
  const refusal = refusalOf(state);
  if (refusal !== undefined) {
    const leader = state.transferTo !== 0 ? state.transferTo : state.leader;
    const refused = { type: "proposalRefused", proposal, reason: refusal, detail: "" } as const;
    state.outbox.answers.push({ ...refused, leader });
    return;
  }
  assert(data.length > 0, "an empty proposal");
  const firstIndex = log.lastIndex + 1;
  for (const bytes of data) {
    const entry: Entry = {
      index: log.lastIndex + 1,
      term: state.term,
      type: "data",
      data: bytes,
    };
    log.append(entry);
    state.unappliedBytes += entryBytes(entry);
  }
  state.outbox.answers.push({
    type: "proposalAccepted",
    proposal,
    firstIndex,
    lastIndex: log.lastIndex,
    term: state.term,
  });
}

/** One batch may pass the bound, so that no batch is too large for ever. */
function refusalOf(state: RaftState): "notLeader" | "overloaded" | undefined {
  if (!mayPropose(state)) return "notLeader";
  return state.unappliedBytes >= state.settings.uncommittedBytesMax ? "overloaded" : undefined;
}
