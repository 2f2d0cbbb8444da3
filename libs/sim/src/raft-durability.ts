/**
 * Which replicas hold an entry durably, as the checkers count it.
 *
 * A replica that lost its log is counted with what it held until it is whole again: it helps to
 * elect nobody before that, so what it acknowledged is not lost as long as the others are asked.
 * Used by the checkers alone.
 */
import type { Membership, ReplicaId } from "raft-ts";
import type { LogImage } from "./raft-log-store.ts";

export class DurableCopies {
  readonly #images: ReadonlyMap<ReplicaId, LogImage>;
  /** What replicas held that are not whole again since. */
  readonly #lost = new Map<ReplicaId, LogImage[]>();

  constructor(images: ReadonlyMap<ReplicaId, LogImage>) {
    this.#images = images;
  }

  /** `id` is about to lose all it holds. */
  losing(id: ReplicaId): void {
    const image = this.#images.get(id) as LogImage;
    // One that is whole holds what it held before, or may forget it.
    const earlier = image.standing === "whole" ? [] : (this.#lost.get(id) ?? []);
    this.#lost.set(id, [...earlier, image.copy()]);
  }

  /** Whether each majority of the voters has the entry at another than `id`. */
  canSpare(membership: Membership, id: ReplicaId, index: number, term: number): boolean {
    const { voters } = membership;
    const holders = voters.filter((each) => {
      const image = this.#images.get(each);
      const isWhole = image?.standing === "whole" || image?.standing === "founded";
      return each !== id && isWhole && isHeld(image, index, term);
    });
    const others = voters.length - 1 - holders.length;
    // Those without it are too few to be a majority together with `id`.
    return (others + 1) * 2 <= voters.length;
  }

  /** Whether the entry of `term` at `index` is on a majority of each configuration. */
  isDurable(membership: Membership, index: number, term: number | undefined): boolean {
    const holds = (id: ReplicaId): boolean => {
      const image = this.#images.get(id);
      if (image === undefined) return false;
      if (isHeld(image, index, term)) return true;
      if (image.standing === "whole") return false;
      return (this.#lost.get(id) ?? []).some((lost) => isHeld(lost, index, term));
    };
    return [membership.voters, membership.outgoing].every(
      (voters) => voters.length === 0 || voters.filter(holds).length * 2 > voters.length,
    );
  }
}

function isHeld(image: LogImage, index: number, term: number | undefined): boolean {
  return (term !== undefined && image.termAt(index) === term) || image.metadata.index >= index;
}
