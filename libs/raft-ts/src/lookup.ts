/**
 * Reads back terms that a follower needs to compare its log with its leader's.
 *
 * After a restart only the newest entries are in memory, and none beyond the snapshot is known to
 * be committed. What a leader sends about older entries must not be taken for a conflict, nor for
 * agreement: what was acknowledged once stays. Such a message waits here for the terms, then it is
 * handled as if it had just come. One waits at most; the leader repeats what is dropped.
 */
import type { LoadedEntries } from "./input.ts";
import type { AppendEntries, InstallSnapshot } from "./message.ts";
import type { RaftState } from "./state.ts";
import { takeRequest } from "./state.ts";

/** Holds `message` if a term in [from, to] must be read back first; true when it does. */
export function waitsForTerms(
  state: RaftState,
  message: AppendEntries | InstallSnapshot,
  range: { readonly from: number; readonly to: number },
): boolean {
  const from = state.log.firstUnknown(range.from, range.to);
  if (from === 0) return false;
  // The leader repeats itself meanwhile; one read at a time is enough.
  if (state.lookup?.from === from && state.lookup.message.term === message.term) return true;
  const request = takeRequest(state);
  const to = Math.min(range.to + 1, state.log.tailFirstIndex);
  const maxBytes = state.settings.appendBytesMax;
  state.lookup = { request, from, message };
  state.outbox.loads.push({ type: "loadEntries", request, from, to, maxBytes });
  return true;
}

/** The terms came; gives the message that waited for them, unless its term is over. */
export function takeLookup(
  state: RaftState,
  loaded: LoadedEntries | undefined,
): AppendEntries | InstallSnapshot | undefined {
  const lookup = state.lookup;
  state.lookup = undefined;
  if (lookup === undefined || loaded === undefined) return undefined;
  if (lookup.message.term !== state.term || state.role === "leader") return undefined;
  state.log.learnTerms(loaded.entries);
  return lookup.message;
}
