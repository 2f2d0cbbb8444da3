/**
 * The state of a datacenter as its log makes it.
 *
 * Applies committed entries in order, each once, on every replica and in every mirror alike. It
 * decides nothing, sends nothing and knows no clock. Owned by an orchestrator replica or by a
 * gateway's mirror.
 */
import { Datacenter, evolveEntry, type LogEntry } from "@atoll/domain";
import { assert } from "@atoll/stdx";
import type { LogCodec, SnapshotReader } from "./ports.ts";

/**
 * Told of each entry right after it was applied. `entry` is undefined for entries of Raft's own.
 */
export type AppliedListener = (
  index: number,
  entry: LogEntry | undefined,
  data: Uint8Array,
) => void;

export class ReplicatedState {
  readonly #codec: LogCodec;
  readonly #listeners: AppliedListener[] = [];
  #datacenter: Datacenter = new Datacenter();
  #appliedIndex = 0;

  constructor(codec: LogCodec) {
    this.#codec = codec;
  }

  /** The present state. Another object after `restore`. */
  get datacenter(): Datacenter {
    return this.#datacenter;
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  onApplied(listener: AppliedListener): void {
    this.#listeners.push(listener);
  }

  /**
   * Applies the entry at `index`, the one after `appliedIndex`. Empty data: an entry of Raft's own.
   */
  apply(index: number, data: Uint8Array): void {
    assert(index === this.#appliedIndex + 1, `applied ${this.#appliedIndex}, then ${index}`);
    const entry = data.length === 0 ? undefined : this.#codec.decodeLogEntry(data);
    if (entry !== undefined) evolveEntry(this.#datacenter, entry, index);
    this.#appliedIndex = index;
    for (const listener of this.#listeners) listener(index, entry, data);
  }

  snapshot(): Uint8Array[] {
    return this.#codec.encodeSnapshot(this.#datacenter);
  }

  /**
   * The present state, encoded as it is walked: from a copy that costs next to nothing, so that it
   * may be walked over many turns of the loop while the state goes on.
   */
  snapshotInSlices(): IterableIterator<Uint8Array> {
    return this.#codec.snapshotChunks(this.#datacenter.copy());
  }

  /** Replaces the state by a snapshot of the state after `index`. No chunks: the empty state. */
  restore(index: number, chunks: readonly Uint8Array[]): void {
    const restore = this.restoreInPieces(index);
    for (const chunk of chunks) restore.take(chunk);
    restore.finish();
  }

  /** The same over many turns of the loop; the state is the present one until the last. */
  restoreInPieces(index: number): { take(chunk: Uint8Array): void; finish(): void } {
    let reader: SnapshotReader | undefined;
    return {
      take: (chunk) => {
        reader ??= this.#codec.snapshotReader();
        reader.take(chunk);
      },
      finish: () => {
        this.#datacenter = reader?.finish() ?? new Datacenter();
        this.#appliedIndex = index;
      },
    };
  }
}
