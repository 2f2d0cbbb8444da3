/**
 * Which running operations are done, without going through all of their nodes each time.
 *
 * An operation waits for one node at a time: the first that was found not to be as wanted. Only
 * when that one is are the others looked at, from there on and round to there again. So it costs a
 * look each time, and a walk over all nodes about once for the whole operation, however many it
 * has. A walk may be cut into pieces; then each node was as wanted when it was looked at. Holds
 * nothing but where it was. Used by `Planner`.
 */
import type { NodeName, OperationId, OperationState } from "@atoll/domain";

interface Place {
  /** The node to be looked at next. */
  readonly at: number;
  /** So many before that one were as wanted. */
  readonly good: number;
}

export class OperationProgress {
  #places = new Map<OperationId, Place>();
  #leftOver = false;

  /** Whether the last call ended before everything was looked at. */
  get leftOver(): boolean {
    return this.#leftOver;
  }

  /** @param looksMax nodes looked at beside the first of each operation. */
  done(
    operations: Iterable<OperationState>,
    isGood: (node: NodeName) => boolean,
    looksMax: number,
  ): OperationId[] {
    const places = new Map<OperationId, Place>();
    const done: OperationId[] = [];
    let looks = looksMax;
    this.#leftOver = false;
    for (const { id, nodes } of operations) {
      let { at, good } = this.#places.get(id) ?? { at: 0, good: 0 };
      while (good < nodes.length) {
        if (!isGood(nodes[at] as NodeName)) {
          good = 0;
          break;
        }
        good += 1;
        at = (at + 1) % nodes.length;
        looks -= 1;
        if (looks <= 0) break;
      }
      if (good >= nodes.length) {
        done.push(id);
        continue;
      }
      if (good > 0) this.#leftOver = true;
      places.set(id, { at, good });
    }
    this.#places = places;
    return done;
  }
}
