/**
 * The state of a simulated group after each entry, the same on every replica.
 *
 * A hash is kept for each of the newest indexes, whatever batches they were applied in, and the
 * whole digest where somebody came to rest. What is older than the window is compared no more.
 * Used by the checkers alone.
 */
import type { Entry, ReplicaId } from "raft-ts";
import { Violation } from "./violation.ts";

/** So many of the newest indexes are remembered. */
const WINDOW = 1 << 14;

interface Known {
  readonly hash: number;
  digest: string | undefined;
}

export class StateDigests {
  /** Every index of the window, since somebody is the first to apply it. */
  readonly #known = new Map<number, Known>();
  #newest = 0;

  /** `id` applied entries; `hashes` says what its state was after each. */
  applied(id: ReplicaId, entries: readonly Entry[], hashes: readonly number[]): void {
    for (const [at, { index }] of entries.entries()) {
      const hash = hashes[at] as number;
      const known = this.#known.get(index);
      if (known !== undefined && known.hash !== hash) {
        throw new Violation(`${id} has another state after entry ${index}`);
      }
      if (index <= this.#newest) continue;
      this.#newest = index;
      this.#known.set(index, { hash, digest: undefined });
      this.#known.delete(index - WINDOW);
    }
  }

  /** The whole state of `id` after `index`. */
  whole(id: ReplicaId, index: number, digest: string): void {
    const known = this.#known.get(index);
    if (known === undefined) return;
    known.digest ??= digest;
    if (known.digest !== digest) throw new Violation(`${id} has another state at ${index}`);
  }
}
