/**
 * What the disks of a simulated Raft group hold for good, over every restart.
 *
 * Term, vote, commit and snapshot that were once durable never go back, and a replica that starts
 * goes by no less than they say; only a disk that is lost is excused. Looks at durable images and
 * at replicas that have just started; used by the checkers alone.
 */
import type { ReplicaStatus } from "@atoll/raft-replica";
import type { ReplicaId } from "raft-ts";
import type { LogImage } from "./raft-log-store.ts";
import { Violation } from "./violation.ts";

interface Promised {
  term: number;
  vote: ReplicaId;
  commit: number;
  snapshotIndex: number;
}

export class DiskPromises {
  readonly #images: ReadonlyMap<ReplicaId, LogImage>;
  readonly #promised = new Map<ReplicaId, Promised>();

  constructor(images: ReadonlyMap<ReplicaId, LogImage>) {
    this.#images = images;
  }

  /** The disk of `id` keeps none of its promises. */
  lost(id: ReplicaId): void {
    this.#promised.delete(id);
  }

  /** Notes what is durable at `id` now, after comparing it with what was. */
  look(id: ReplicaId): void {
    const { hardState, metadata, lastIndex } = this.#images.get(id) as LogImage;
    const { term, vote, commit } = hardState;
    if (lastIndex < commit) {
      throw new Violation(`the log of ${id} ends at ${lastIndex}, ${commit} is committed`);
    }
    const before = this.#promised.get(id);
    if (before === undefined) {
      this.#promised.set(id, { term, vote, commit, snapshotIndex: metadata.index });
      return;
    }
    notBelow(`the durable term of ${id}`, term, before.term);
    notBelow(`the durable commit of ${id}`, commit, before.commit);
    notBelow(`the snapshot of ${id}`, metadata.index, before.snapshotIndex);
    if (term === before.term && before.vote !== 0 && vote !== before.vote) {
      throw new Violation(`the vote of ${id} in term ${term} became ${vote}, was ${before.vote}`);
    }
    before.term = term;
    before.vote = vote;
    before.commit = commit;
    before.snapshotIndex = metadata.index;
  }

  /** A replica has read its disk and begins. */
  started(status: ReplicaStatus): void {
    const { id, term, commitIndex, appliedIndex } = status;
    this.look(id);
    const promised = this.#promised.get(id) as Promised;
    notBelow(`the term of ${id} after a start`, term, promised.term);
    const committed = Math.max(promised.commit, promised.snapshotIndex);
    notBelow(`the commit of ${id} after a start`, commitIndex, committed);
    notBelow(`what ${id} has applied after a start`, appliedIndex, promised.snapshotIndex);
  }
}

function notBelow(what: string, value: number, promised: number): void {
  if (value < promised) throw new Violation(`${what} fell to ${value}, ${promised} was durable`);
}
