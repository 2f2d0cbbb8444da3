/**
 * Everything that can happen to a Raft core, as plain data.
 *
 * Completions name the work they belong to, so that one that arrives after a change of term is
 * never taken for another's.
 */
import type { Entry, LogPosition, ReplicaId, SnapshotMetadata } from "./entry.ts";
import type { MembershipChange, MembershipTransition } from "./membership-change.ts";
import type { Message } from "./message.ts";

/** Entries read back from the store. */
export interface LoadedEntries {
  /** The position before the first entry. */
  readonly previous: LogPosition;
  /** Contiguous, from the index on that was asked for; at least one. */
  readonly entries: readonly Entry[];
}

/** Whatever happens; given to `RaftCore.step`, which says when it throws. */
export type Input =
  /** One tick of logical time. */
  | { readonly type: "tick" }
  /** A message that arrived; one that is not for this replica is ignored. */
  | { readonly type: "message"; readonly message: Message }
  /**
   * A batch to append, one entry for each of `data`, which must not be empty; `proposal` is any
   * number that is new, and names the batch in effects. Answered by `proposalAccepted` or
   * `proposalRefused`.
   */
  | { readonly type: "propose"; readonly proposal: number; readonly data: readonly Uint8Array[] }
  /**
   * Proposes a change of members as one entry with the whole resulting membership; it takes effect
   * when it is applied. `proposal` and the answer as above. No changes leave a joint configuration.
   */
  | {
      readonly type: "changeMembership";
      readonly proposal: number;
      readonly changes: readonly MembershipChange[];
      readonly transition: MembershipTransition;
    }
  /**
   * Asks for an index to read at, on leader and followers; `read` is any number that is new, and
   * names the read in effects. Answered by `readReady` or `readRefused`.
   */
  | { readonly type: "readIndex"; readonly read: number }
  /**
   * A `persist` or `installSnapshot` effect is durable. Completions come in the order of the
   * effects.
   */
  | { readonly type: "persisted"; readonly write: number }
  /** The entries of an `apply` effect are applied; `index` is the last of them. */
  | { readonly type: "applied"; readonly index: number }
  /** Answers `loadEntries`; undefined when the entries are compacted away. */
  | {
      readonly type: "entriesLoaded";
      readonly request: number;
      readonly loaded: LoadedEntries | undefined;
    }
  /** Answers `loadSnapshotChunk`; undefined when that snapshot is no longer kept. */
  | {
      readonly type: "snapshotChunkLoaded";
      readonly request: number;
      readonly chunk: Uint8Array | undefined;
    }
  /** A snapshot of the own state is durable. */
  | { readonly type: "snapshotSaved"; readonly metadata: SnapshotMetadata }
  /** The store has forgotten the entries before `firstIndex`. */
  | { readonly type: "compacted"; readonly firstIndex: number }
  /**
   * The connection to a peer broke, which a slow peer's does not: if that is the leader, it is
   * suspected at once.
   */
  | { readonly type: "peerLost"; readonly peer: ReplicaId }
  /** This process stood still for longer than an election timeout: a leader steps down. */
  | { readonly type: "stalled" }
  /**
   * Asks the leader to hand over to the voter `to`; ignored elsewhere, and for who is no voter.
   * Ends after `electionTimeoutTicksMin` ticks when nothing came of it.
   */
  | { readonly type: "transferLeadership"; readonly to: ReplicaId }
  /** Campaigns now, by a pre-vote first; ignored by who leads or may not campaign. */
  | { readonly type: "campaign" }
  /**
   * Takes this many ticks, 1 or more, for the present election timeout in the place of a drawn one.
   * For tests.
   */
  | { readonly type: "electionTimeout"; readonly ticks: number }
  /**
   * A follower forgets its leader, without a new term: it votes as if that were gone. Its election
   * timeout goes on. Ignored by leaders and candidates.
   *
   * For an owner that knows by other means that the leader is gone (a supervisor has ended its
   * process, its machine is off) and has no broken connection to tell of, which is `peerLost`.
   * Given to a majority, with `campaign` to one of them, it spares the group the rest of the
   * timeout. A leader that lives after all is followed again from its next message on. `Replica`
   * of raft-replica does not pass it on: it has `peerLost`, which brings the election as well.
   */
  | { readonly type: "forgetLeader" };
