/**
 * The replicated state as Raft wants it.
 *
 * Only data entries reach the state; Raft's own pass as empty, so that indexes stay those of the
 * log.
 */
import type { ReplicatedState } from "@atoll/control";
import type { StateMachine, StateRestore } from "@atoll/raft-replica";
import type { Entry, SnapshotMetadata } from "raft-ts";

const NOTHING: Uint8Array = new Uint8Array(0);

export class RaftStateMachine implements StateMachine {
  readonly #state: ReplicatedState;

  constructor(state: ReplicatedState) {
    this.#state = state;
  }

  apply(entries: readonly Entry[]): void {
    for (const { index, type, data } of entries) {
      this.#state.apply(index, type === "data" ? data : NOTHING);
    }
  }

  snapshot(): Iterable<Uint8Array> {
    return this.#state.snapshotInSlices();
  }

  restore({ index }: SnapshotMetadata): StateRestore {
    return this.#state.restoreInPieces(index);
  }
}
