/**
 * Where the log begins and which snapshot counts, as one record.
 *
 * Both change together or not at all: a snapshot whose log is gone, or a log whose snapshot is
 * gone, would each be a hole. The generation counts changes; the marker repeats it, so that an
 * older state cannot come back unseen.
 */
import type { HardState, LogPosition, SnapshotMetadata, Standing } from "raft-ts";
import { decodeChecked, encodeChecked } from "./identity.ts";
import { LogDamagedError } from "./errors.ts";

export interface StoreState {
  readonly generation: number;
  /** Records below this one do not count; they may still be there. */
  readonly firstSequence: number;
  /** What the first record must repeat, in hexadecimal. */
  readonly previousHash: string;
  /** The position before the first entry of the first record. */
  readonly position: LogPosition;
  /** In force where no record follows; else the last record's counts. */
  readonly hardState: HardState;
  readonly snapshot: StoredSnapshot;
  /** Whether the log holds all that was promised with it (docs/adr/0010). */
  readonly standing: Standing;
  /** Why it is not whole, in words; empty when it is or was never anything else. */
  readonly reason: string;
}

export interface StoredSnapshot {
  /** Names its chunks; later ones have higher numbers. */
  readonly id: number;
  readonly metadata: SnapshotMetadata;
}

const STANDINGS: readonly Standing[] = ["whole", "recovering", "blank", "founded"];

export function encodeState(state: StoreState): Uint8Array {
  return encodeChecked(state);
}

/** @throws LogDamagedError when the bytes are not a state. */
export function decodeState(bytes: Uint8Array): StoreState {
  const state = decodeChecked(bytes, "the state") as StoreState;
  const numbers = [
    state.generation,
    state.firstSequence,
    state.position?.index,
    state.position?.term,
    state.hardState?.term,
    state.hardState?.vote,
    state.hardState?.commit,
    state.snapshot?.id,
    state.snapshot?.metadata?.index,
  ];
  if (!numbers.every((number) => Number.isSafeInteger(number) && number >= 0)) {
    throw new LogDamagedError("the state", "it lacks a number");
  }
  if (!STANDINGS.includes(state.standing) || typeof state.reason !== "string") {
    throw new LogDamagedError("the state", "it lacks its standing");
  }
  return state;
}
