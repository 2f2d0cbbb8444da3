/**
 * Reads back terms that a follower needs to compare its log with its leader's.
 *
 * After a restart only the newest entries are in memory, and none beyond the snapshot is known to
 * be committed. What a leader sends about older entries must not be taken for a conflict, nor for
 * agreement: what was acknowledged once stays. Such a message waits here for the terms, then it is
 * handled as if it had just come. One waits at most; the leader repeats what is dropped. Without a
 * leader, terms are read to compare the log with those of others that campaign.
 */
import type { LoadedEntries } from "./input.ts";
import type { AppendEntries, InstallSnapshot } from "./message.ts";
import type { RaftState, TermLookup } from "./state.ts";
import { takeRequest } from "./state.ts";

/** Holds `message` if a term in [from, to] must be read back first; true when it does. */
export function waitsForTerms(
  state: RaftState,
  message: AppendEntries | InstallSnapshot,
  range: { readonly from: number; readonly to: number },
): boolean {
  // From here on the log may change, and what is read for a campaign be of entries that are gone.
  if (state.lookup?.message === undefined) state.lookup = undefined;
  const from = state.log.firstUnknown(range.from, range.to);
  if (from === 0) return false;
  // The leader repeats itself meanwhile; one read at a time is enough.
  if (state.lookup?.from === from && state.lookup.message?.term === message.term) return true;
  lookUp(state, message, { from, to: range.to });
  return true;
}

/**
 * Whether the term at `index` must be read back first, which then is under way: whoever campaigns
 * asks again. Not while a leader sends entries: what is read may be replaced meanwhile.
 */
export function lacksTerm(state: RaftState, index: number): boolean {
  if (state.log.firstUnknown(index, index) === 0) return false;
  const isIdle = state.lookup === undefined && state.leader === 0;
  if (isIdle) lookUp(state, undefined, { from: index, to: index });
  return true;
}

/** The terms came; gives the message that waited for them, unless its term is over. */
export function takeLookup(
  state: RaftState,
  loaded: LoadedEntries | undefined,
): AppendEntries | InstallSnapshot | undefined {
  const lookup = state.lookup;
  state.lookup = undefined;
  if (lookup === undefined || loaded === undefined || state.role === "leader") return undefined;
  const { message } = lookup;
  if (message !== undefined && message.term !== state.term) return undefined;
  state.log.learnTerms(loaded.entries);
  return message;
}

/** Another read that is under way counts no more. */
function lookUp(
  state: RaftState,
  message: TermLookup["message"],
  range: { readonly from: number; readonly to: number },
): void {
  const { from } = range;
  const request = takeRequest(state);
  const to = Math.min(range.to + 1, state.log.tailFirstIndex);
  const maxBytes = state.settings.appendBytesMax;
  state.lookup = { request, from, message };
  state.outbox.loads.push({ type: "loadEntries", request, from, to, maxBytes });
}
