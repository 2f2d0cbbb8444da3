/**
 * Hands committed entries to the state machine, in order, one batch at a time.
 *
 * The next batch goes out when the last is applied. After a restart the first ones may no longer be
 * in memory; they are read back. An entry may be applied before the own disk has it: a majority
 * does.
 */
import { assert } from "@atoll/stdx";
import type { Effect } from "./effect.ts";
import type { LoadedEntries } from "./input.ts";
import type { RaftState } from "./state.ts";
import { takeRequest } from "./state.ts";

/** The next `apply` effect, if there is something to apply and nothing being applied. */
export function nextApply(state: RaftState): Effect | undefined {
  const log = state.log;
  const loaded = state.loadedToApply;
  if (loaded !== undefined) {
    state.loadedToApply = undefined;
    return { type: "apply", entries: loaded };
  }
  if (state.applyingTo !== 0 || state.applyLoadRequest !== 0) return undefined;
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
  const entries = log.slice(from, log.committedIndex, maxBytes);
  state.applyingTo = from + entries.length - 1;
  return { type: "apply", entries };
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
  state.applyingTo = loaded.previous.index + loaded.entries.length;
  state.loadedToApply = loaded.entries;
}

export function finishApply(state: RaftState, index: number): void {
  // A snapshot that was installed meanwhile is ahead of what was being applied.
  if (index !== state.applyingTo) return;
  state.applyingTo = 0;
  if (state.role === "leader") {
    state.unappliedBytes -= state.log.bytesBetween(state.log.appliedIndex, index);
  }
  state.log.appliedIndex = index;
}
