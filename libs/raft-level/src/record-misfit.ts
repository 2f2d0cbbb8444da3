/**
 * Why something of a log does not fit the rest of it, though it is whole in itself.
 *
 * Checksums say that a record is what was written; only what lies before it says that it belongs
 * here. The one place of these checks: opening refuses a log for the first answer, an offline
 * verification lists them all and goes on. What cannot be known, because something before is
 * missing or not whole, is not judged. Pure: reads no disk and changes nothing. Called by recovery
 * and by the verdicts.
 */
import type { HardState } from "raft-ts";
import type { MarkerContent } from "./durable-marker.ts";
import type { DecodedRecord } from "./record.ts";
import type { RecordIndex } from "./record-index.ts";
import type { StoreState } from "./store-state.ts";

/** What is known of all that lies before a record. */
export interface RecordsBefore {
  /** Of the record before; undefined when that is missing or not whole. */
  readonly hash: Uint8Array | undefined;
  /** The last that is known to have been in force. It never goes back, across a gap neither. */
  readonly hardState: HardState;
  /** Of the entries before, from where they are known on; undefined when none of them is. */
  readonly index: RecordIndex | undefined;
}

/** The record it concerns, as `LogDamagedError` names it, and a sentence without its end. */
export interface Finding {
  readonly record: string;
  readonly detail: string;
}

/** Why a record does not belong at the place of `sequence`; undefined when it does. */
export function recordMisfit(
  record: DecodedRecord,
  sequence: number,
  before: RecordsBefore,
  log: { readonly state: StoreState; readonly marker: MarkerContent | undefined },
): string | undefined {
  if (record.sequence !== sequence) return `it is record ${record.sequence} in a wrong place`;
  if (before.hash !== undefined && Buffer.compare(record.previousHash, before.hash) !== 0) {
    return "it does not follow the record before it";
  }
  const { marker, state } = log;
  if (marker?.sequence === sequence && Buffer.compare(record.hash, marker.hash) !== 0) {
    return "it is not the record that the marker vouches for";
  }
  if (record.hardState.term < before.hardState.term) return "its term goes back";
  if (record.hardState.commit < before.hardState.commit) return "its commit goes back";
  return entriesMisfit(record, before.index, state.position.index);
}

function entriesMisfit(
  { firstIndex, previousTerm, entries }: DecodedRecord,
  index: RecordIndex | undefined,
  logBegin: number,
): string | undefined {
  if (entries.length === 0) return undefined;
  if (firstIndex <= logBegin) return `its entry ${firstIndex} lies before the log's begin`;
  if (index === undefined || firstIndex <= index.begin) return undefined;
  if (firstIndex > index.last.index + 1) return `its entry ${firstIndex} leaves a gap`;
  if (previousTerm !== index.termAt(firstIndex - 1)) {
    return `its entry ${firstIndex} does not join the term before it`;
  }
  return undefined;
}

/** Why the state does not belong to this log; undefined when it does. */
export function stateMisfit(state: StoreState, marker: MarkerContent): Finding | undefined {
  if (state.generation >= marker.generation) return undefined;
  return { record: "the state", detail: `it is older than generation ${marker.generation}` };
}

/** Why a log that holds all its records must not end here; undefined when it may. */
export function endMisfit(state: StoreState, end: RecordsBefore): Finding | undefined {
  if (end.index === undefined) return undefined;
  const { index } = end.index.last;
  if (index < state.snapshot.metadata.index) {
    return { record: "the state", detail: `the log ends at ${index}, before its snapshot` };
  }
  const { commit } = end.hardState;
  if (index < commit) {
    return { record: "the log", detail: `it ends at ${index}, and ${commit} was committed` };
  }
  return undefined;
}
