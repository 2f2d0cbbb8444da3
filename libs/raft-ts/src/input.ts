/**
 * Everything that can happen to a Raft core, as plain data.
 *
 * Completions name the work they belong to, so that one that arrives after a change of term is
 * never taken for another's.
 */
import type { Entry, LogPosition, ReplicaId, SnapshotMetadata } from "./entry.ts";
import type { MembershipChange, MembershipTransition } from "./membership-change.ts";
import type { Message } from "./message.ts";

/** Entries read back from the store, contiguous, and the position before the first. */
export interface LoadedEntries {
  readonly previous: LogPosition;
  readonly entries: readonly Entry[];
}

export type Input =
  /** One tick of logical time. */
  | { readonly type: "tick" }
  | { readonly type: "message"; readonly message: Message }
  /** A batch to append; `proposal` is any number that is new, and names the batch in effects. */
  | { readonly type: "propose"; readonly proposal: number; readonly data: readonly Uint8Array[] }
  /**
   * Proposes a change of members as one entry with the whole resulting membership; it takes effect
   * when it is applied. `proposal` as above. No changes leave a joint configuration.
   */
  | {
      readonly type: "changeMembership";
      readonly proposal: number;
      readonly changes: readonly MembershipChange[];
      readonly transition: MembershipTransition;
    }
  /**
   * Asks for an index to read at; `read` is any number that is new, and names the read in effects.
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
  /** The connection to a peer broke, which a slow peer's does not. */
  | { readonly type: "peerLost"; readonly peer: ReplicaId }
  /** This process stood still for longer than an election timeout. */
  | { readonly type: "stalled" }
  /** Asks the leader to hand over to `to`; ignored elsewhere. */
  | { readonly type: "transferLeadership"; readonly to: ReplicaId }
  /** Campaigns now, by a pre-vote where that is enabled; ignored by who leads or may not vote. */
  | { readonly type: "campaign" }
  /** Takes this many ticks for the present election timeout in the place of a drawn one. */
  | { readonly type: "electionTimeout"; readonly ticks: number }
  /**
   * A follower forgets its leader, without a new term: it votes as if that were gone. Its election
   * timeout goes on. Ignored by leaders and candidates.
   */
  | { readonly type: "forgetLeader" };
