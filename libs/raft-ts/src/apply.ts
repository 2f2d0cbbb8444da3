/**
 * Hands committed entries to the state machine, in order, one batch at a time.
 *
 * The next batch goes out when the last is applied. After a restart the first ones may no longer be
 * in memory; they are read back. An entry may be applied before the own disk has it: a majority
 * does. Not so a membership: what a replica acted on it must know of for ever, so such an entry
 * waits for a durable hard state that says it is committed. It takes effect when it is applied.
 */
import { assert } from "@atoll/stdx";
import type { Effect } from "./effect.ts";
import type { Entry } from "./entry.ts";
import type { LoadedEntries } from "./input.ts";
import { decodeMembership } from "./membership.ts";
import { activateMembership } from "./membership-state.ts";
import type { RaftState } from "./state.ts";
import { takeRequest } from "./state.ts";

/** The next `apply` effect, if there is something to apply and nothing being applied. */
export function nextApply(state: RaftState): Effect | undefined {
  const log = state.log;
  const loaded = state.loadedToApply;
  if (loaded !== undefined) {
    state.loadedToApply = undefined;
    return handOver(state, loaded);
  }
  if (state.applying !== undefined || state.applyLoadRequest !== 0) return undefined;
  if (log.appliedIndex >= log.committedIndex) return undefined;
  const from = log.appliedIndex + 1;
  const maxBytes = state.settings.applyBytesMax;
  if (from < log.tailFirstIndex) {
    const request = takeRequest(state);
    state.applyLoadRequest = request;
    const to = Math.min(log.tailFirstIndex, log.committedIndex + 1);
    state.outbox.loads.push({ type: "loadEntries", request, from, to, maxBytes });
    return undefined;
  }
  return handOver(state, log.slice(from, log.committedIndex, maxBytes));
}

/** Entries to apply came back from the store. */
export function applyLoaded(state: RaftState, loaded: LoadedEntries | undefined): void {
  state.applyLoadRequest = 0;
  if (loaded === undefined) {
    state.outbox.failure = `entries to apply after ${state.log.appliedIndex} are gone`;
    return;
  }
  assert(loaded.previous.index === state.log.appliedIndex, "entries to apply are not the next");
  assert(loaded.entries.length > 0, "no entries came back");
  state.loadedToApply = loaded.entries;
}

export function finishApply(state: RaftState, index: number): void {
  // A snapshot that was installed meanwhile is ahead of what was being applied.
  const { applying } = state;
  if (applying === undefined || index !== applying.index) return;
  state.applying = undefined;
  if (state.role === "leader") {
    state.unappliedBytes -= state.log.bytesBetween(state.log.appliedIndex, index);
  }
  state.log.applied = applying;
  const applied = state.applyingMembership;
  if (applied === undefined) return;
  state.applyingMembership = undefined;
  activateMembership(state, applied.membership, applied.index);
}

/** Gives what may be applied now of `entries`, which are the next ones. */
function handOver(state: RaftState, entries: readonly Entry[]): Effect | undefined {
  const allowed = withinConfirmed(state, entries);
  const last = allowed.at(-1);
  if (last === undefined) return undefined;
  state.applying = { index: last.index, term: last.term };
  for (const entry of allowed) {
    if (entry.type !== "membership") continue;
    const membership = decodeMembership(entry.data);
    if (membership === undefined) {
      state.outbox.failure = `entry ${entry.index} is no membership`;
      return undefined;
    }
    state.applyingMembership = { index: entry.index, membership };
  }
  return { type: "apply", entries: allowed };
}

/** Cut before the first membership of which no durable hard state says that it is committed. */
function withinConfirmed(state: RaftState, entries: readonly Entry[]): readonly Entry[] {
  const confirmed = state.durable.commit;
  const at = entries.findIndex((each) => each.type === "membership" && each.index > confirmed);
  if (at === -1) return entries;
  state.commitToConfirm = (entries[at] as Entry).index;
  return entries.slice(0, at);
}
