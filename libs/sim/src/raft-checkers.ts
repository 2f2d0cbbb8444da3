/**
 * What must never happen in a Raft group, checked while it runs.
 *
 * The five properties of the Raft paper (figure 3), and what users rely on: nothing acknowledged
 * before it is durable on a majority, no refused write in the log, reads that see every write
 * finished before them. The checkers see messages, writes, applies, outcomes and durable images
 * from outside; they share no code with the core. A violation throws {@link Violation} at the step
 * where it happens.
 */
import type {
  AppendEntriesReply,
  Entry,
  Membership,
  Message,
  ReplicaId,
  SnapshotMetadata,
} from "raft-ts";
import type { LogWrite, ReplicaStatus } from "@atoll/raft-replica";
import { ClientPromises } from "./raft-client-promises.ts";
import { DiskPromises } from "./raft-disk-promises.ts";
import { DurableCopies } from "./raft-durability.ts";
import type { LogImage } from "./raft-log-store.ts";
import { MembershipChecker } from "./raft-membership-checker.ts";
import { StateDigests } from "./raft-state-digests.ts";
import { Violation } from "./violation.ts";

interface Committed {
  readonly term: number;
  readonly data: Uint8Array;
  /** The term of the leader under which it was first seen committed. */
  readonly commitTerm: number;
}

interface Watched {
  term: number;
  role: ReplicaStatus["role"];
  commitIndex: number;
  appliedIndex: number;
  lastIndex: number;
  membership: Membership;
  /** The last index written while it leads in this term. */
  leaderWrittenTo: number;
}

export class RaftCheckers {
  readonly #images: ReadonlyMap<ReplicaId, LogImage>;
  readonly #copies: DurableCopies;
  readonly #disks: DiskPromises;
  /** What clients were told, and hold the group to. */
  readonly clients: ClientPromises;
  readonly #memberships: MembershipChecker;
  readonly #currentTermAt: (id: ReplicaId, index: number) => number | undefined;
  /** The one history; index 0 stands before the first entry. */
  readonly #history: (Committed | undefined)[] = [undefined];
  readonly #leaders = new Map<number, ReplicaId>();
  readonly #votes = new Map<ReplicaId, Map<number, ReplicaId>>();
  /** The data and the term before, of each entry ever written, by index and term. */
  readonly #written = new Map<string, { readonly data: Uint8Array; readonly before: number }>();
  readonly #watched = new Map<ReplicaId, Watched>();
  readonly #digests = new StateDigests();
  /** Up to here the log was seen durable on a majority. */
  #durableTo = 0;

  /**
   * @param founding the first members.
   * @param images what is durable at each replica, by id.
   * @param currentTermAt the term that the running replica `id` has at an index, undefined when
   * unknown.
   */
  constructor(
    founding: Membership,
    images: ReadonlyMap<ReplicaId, LogImage>,
    currentTermAt: (id: ReplicaId, index: number) => number | undefined,
  ) {
    this.#images = images;
    this.#copies = new DurableCopies(images);
    this.#disks = new DiskPromises(images);
    this.clients = new ClientPromises(() => this.#durableTo);
    this.#memberships = new MembershipChecker(founding, (reason) => {
      throw new Violation(reason);
    });
    this.#currentTermAt = currentTermAt;
  }

  get committedIndex(): number {
    return this.#history.length - 1;
  }

  /** The newest members that are committed. */
  get membership(): Membership {
    return this.#memberships.newest;
  }

  /** Where {@link membership} stands in the log. */
  get membershipIndex(): number {
    return this.#memberships.newestIndex;
  }

  /** All members that were committed, in order. */
  memberships(): readonly Membership[] {
    return this.#memberships.all();
  }

  /** The term of the committed entry at `index`; undefined when none is known. */
  committedTermAt(index: number): number | undefined {
    return this.#history[index]?.term;
  }

  /** A replica is about to lose what is on its disk. */
  losing(id: ReplicaId): void {
    this.#copies.losing(id);
    this.#memberships.forget(id);
    this.#disks.lost(id);
    // A vote is a promise to its candidate. One that did not win and is lost relies on none.
    for (const [term, candidate] of this.#votes.get(id) ?? []) {
      if (candidate === id && this.#leaders.get(term) !== id) this.#votes.get(id)?.delete(term);
    }
  }

  /** The disk of a replica that is down is an earlier one now. */
  wentBack(id: ReplicaId): void {
    this.#disks.lost(id);
  }

  /**
   * Whether any majority of the voters has somebody beside `id` that holds the entry of `term` at
   * `index` durably, so that `id` may lose it.
   */
  canSpare(id: ReplicaId, index: number, term: number): boolean {
    return this.#copies.canSpare(this.membership, id, index, term);
  }

  /** A replica lost its memory; its disk is as it will find it. */
  ended(id: ReplicaId): void {
    this.#watched.delete(id);
    this.#disks.look(id);
  }

  /** A replica has read its disk, and has done nothing yet. */
  started(status: ReplicaStatus): void {
    this.#disks.started(status);
  }

  /** A message is about to leave. */
  sent(message: Message): void {
    const image = this.#images.get(message.from) as LogImage;
    const isPreVote =
      (message.type === "requestVote" && message.preVote) ||
      (message.type === "requestVoteReply" && message.preVote && message.granted);
    if (!isPreVote && image.hardState.term < message.term) {
      throw new Violation(
        `${message.type} of term ${message.term} left ${message.from}, ` +
          `where term ${image.hardState.term} is durable`,
      );
    }
    if (message.type === "requestVote" && !message.preVote) {
      this.#voted(message.from, message.term, message.from);
    }
    if (message.type === "requestVoteReply" && !message.preVote && message.granted) {
      this.#voted(message.from, message.term, message.to);
    }
    if (message.type === "appendEntriesReply" && message.success) {
      const durableTo = Math.max(image.lastIndex, image.metadata.index);
      if (durableTo < message.index) {
        throw new Violation(
          `${message.from} acknowledged ${message.index} with ${durableTo} durable`,
        );
      }
      this.#checkAgreement(message, image);
    }
    if (message.type === "installSnapshotReply" && message.installed) {
      const durableTo = Math.max(image.lastIndex, image.metadata.index);
      if (durableTo < message.snapshotIndex) {
        throw new Violation(`${message.from} says installed ${message.snapshotIndex} too early`);
      }
    }
  }

  /**
   * A replica starts a write: log matching, leader append-only, and no cut without a conflict.
   * @param termAt the terms the log had before.
   */
  wrote(id: ReplicaId, write: LogWrite, termAt: (index: number) => number | undefined): void {
    const entries = write.entries ?? [];
    const first = entries[0];
    if (first === undefined) return;
    if (termAt(first.index) === first.term) {
      throw new Violation(`${id} replaces entry ${first.index}, which agreed, and all after it`);
    }
    this.#checkKept(id, first.index, termAt);
    let before = termAt(first.index - 1);
    for (const entry of entries) {
      this.#checkMatching(entry, before);
      before = entry.term;
    }
    const watched = this.#watched.get(id);
    if (watched?.role !== "leader") return;
    if (first.index <= watched.leaderWrittenTo) {
      throw new Violation(`leader ${id} of term ${watched.term} rewrote entry ${first.index}`);
    }
    watched.leaderWrittenTo = (entries.at(-1) as Entry).index;
  }

  /** A replica starts to install a snapshot: what agrees with it and goes beyond it must stay. */
  installs(id: ReplicaId, metadata: SnapshotMetadata, image: LogImage): void {
    if (metadata.index <= image.metadata.index) {
      throw new Violation(`${id} goes back from ${image.metadata.index} to ${metadata.index}`);
    }
    this.#checkKept(id, metadata.index + 1, (index) => image.termAt(index));
    const agrees = image.termAt(metadata.index) === metadata.term;
    if (agrees && image.lastIndex > metadata.index) {
      throw new Violation(`${id} gives up ${image.lastIndex} for a snapshot of ${metadata.index}`);
    }
  }

  /**
   * A replica applied entries: state-machine safety.
   * @param hashes its state after each.
   */
  applied(
    id: ReplicaId,
    entries: readonly Entry[],
    { term, hashes }: { readonly term: number; readonly hashes: readonly number[] },
  ): void {
    for (const entry of entries) {
      const known = this.#history[entry.index];
      if (known === undefined) {
        if (entry.index !== this.#history.length) {
          throw new Violation(`${id} applied ${entry.index}, ${this.#history.length} is not known`);
        }
        this.#history.push({ term: entry.term, data: entry.data, commitTerm: term });
        this.#memberships.committed(entry);
        this.clients.entered(entry);
      } else if (known.term !== entry.term || !sameBytes(known.data, entry.data)) {
        throw new Violation(
          `${id} applied another entry ${entry.index}: term ${entry.term}, known ${known.term}`,
        );
      }
    }
    this.#digests.applied(id, entries, hashes);
  }

  /** A replica's whole state after `index`. */
  state(id: ReplicaId, index: number, digest: string): void {
    this.#digests.whole(id, index, digest);
  }

  /** As {@link observed}, once the replica has done all that was to be done. */
  settled(status: ReplicaStatus): void {
    const { hardState, metadata } = this.#images.get(status.id) as LogImage;
    this.#memberships.observed(status, Math.max(hardState.commit, metadata.index));
  }

  /** After each thing that happened to a replica: election safety, completeness, no going back. */
  observed(status: ReplicaStatus, termAt: (index: number) => number | undefined): void {
    const { id } = status;
    const before = this.#watched.get(id);
    this.#disks.look(id);
    this.#checkCommit(status, termAt);
    if (before !== undefined) {
      if (status.commitIndex < before.commitIndex) {
        throw new Violation(`commit of ${id} fell to ${status.commitIndex}`);
      }
      if (status.appliedIndex < before.appliedIndex) {
        throw new Violation(`${id} took back what it applied after ${status.appliedIndex}`);
      }
      if (status.term < before.term) throw new Violation(`term of ${id} fell to ${status.term}`);
    }
    const leads = status.role === "leader";
    const ledBefore = before?.role === "leader" && before.term === status.term;
    if (leads && ledBefore && status.lastIndex < before.lastIndex) {
      throw new Violation(`leader ${id} of term ${status.term} cut its log to ${status.lastIndex}`);
    }
    if (leads && !ledBefore) this.#elected(status, termAt);
    if (leads && ledBefore && status.commitIndex > before.commitIndex) {
      // Raft §5.4.2: a leader commits by counting only in its own term.
      const term = termAt(status.commitIndex);
      if (term !== undefined && term !== status.term) {
        throw new Violation(`leader ${id} of term ${status.term} committed an entry of ${term}`);
      }
    }
    this.#watched.set(id, {
      term: status.term,
      role: status.role,
      commitIndex: status.commitIndex,
      appliedIndex: status.appliedIndex,
      lastIndex: status.lastIndex,
      membership: status.membership,
      leaderWrittenTo: leads && ledBefore ? before.leaderWrittenTo : 0,
    });
  }

  /**
   * What a replica takes for committed is durable on a majority of each configuration. The one in
   * effect may have changed in the same step, so that the one before counts as well.
   */
  #checkCommit(status: ReplicaStatus, termAt: (index: number) => number | undefined): void {
    const index = status.commitIndex;
    if (index <= this.#durableTo) return;
    const own = this.#images.get(status.id) as LogImage;
    const term = termAt(index) ?? own.termAt(index);
    const before = this.#watched.get(status.id)?.membership;
    const isDurable = [before, status.membership].some(
      (membership) => membership !== undefined && this.#copies.isDurable(membership, index, term),
    );
    if (!isDurable) {
      throw new Violation(`${status.id} takes ${index} for committed, no majority holds it`);
    }
    this.#durableTo = index;
  }

  /** What a follower acknowledges is what its leader has there, as far as both are known. */
  #checkAgreement(message: AppendEntriesReply, image: LogImage): void {
    const leader = this.#watched.get(message.to);
    if (leader?.role !== "leader" || leader.term !== message.term) return;
    const own = image.termAt(message.index);
    const theirs = this.#currentTermAt(message.to, message.index);
    if (own !== undefined && theirs !== undefined && own !== theirs) {
      throw new Violation(`${message.from} acknowledged another entry ${message.index}`);
    }
  }

  #voted(voter: ReplicaId, term: number, candidate: ReplicaId): void {
    const votes = this.#votes.get(voter) ?? new Map<number, ReplicaId>();
    this.#votes.set(voter, votes);
    const known = votes.get(term);
    if (known !== undefined && known !== candidate) {
      throw new Violation(`${voter} voted for ${known} and ${candidate} in term ${term}`);
    }
    votes.set(term, candidate);
    const { hardState } = this.#images.get(voter) as LogImage;
    if (hardState.term === term && hardState.vote !== candidate) {
      throw new Violation(`the vote of ${voter} in term ${term} left before it was durable`);
    }
  }

  #elected(status: ReplicaStatus, termAt: (index: number) => number | undefined): void {
    const { id, term } = status;
    const known = this.#leaders.get(term);
    if (known !== undefined && known !== id) {
      throw new Violation(`${known} and ${id} lead in term ${term}`);
    }
    this.#leaders.set(term, id);
    for (let index = this.committedIndex; index > 0; index -= 1) {
      const committed = this.#history[index] as Committed;
      if (committed.commitTerm >= term) continue;
      if (index > status.lastIndex) {
        throw new Violation(`leader ${id} of term ${term} lacks committed entry ${index}`);
      }
      const own = termAt(index);
      if (own !== undefined && own !== committed.term) {
        throw new Violation(`leader ${id} of term ${term} has another entry ${index}`);
      }
      return;
    }
  }

  /**
   * Nothing that is known to be committed is replaced where it stands, from `from` on; but by a
   * leader from before it was committed, whom its followers may still hear.
   */
  #checkKept(id: ReplicaId, from: number, termAt: (index: number) => number | undefined): void {
    // A term that it has heard of meanwhile is in the write as well.
    const { term: writerTerm } = (this.#images.get(id) as LogImage).hardState;
    for (let index = from; index <= this.committedIndex; index += 1) {
      const own = termAt(index);
      if (own === undefined) return;
      const { term, commitTerm } = this.#history[index] as Committed;
      if (own === term && writerTerm >= commitTerm) {
        throw new Violation(`${id} replaces entry ${index}, which is committed`);
      }
    }
  }

  #checkMatching(entry: Entry, before: number | undefined): void {
    const key = `${entry.index}/${entry.term}`;
    const known = this.#written.get(key);
    if (known === undefined) {
      if (before !== undefined) this.#written.set(key, { data: entry.data, before });
      return;
    }
    const samePast = before === undefined || before === known.before;
    if (!samePast || !sameBytes(known.data, entry.data)) {
      throw new Violation(`two logs differ at or before entry ${entry.index} of ${entry.term}`);
    }
  }
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left === right) return true;
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
