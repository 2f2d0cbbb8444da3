/**
 * What a Raft log holds.
 *
 * Plain data. The library never looks into `data`, and it never copies it: whoever hands over
 * bytes leaves them unchanged from then on.
 */

/** A member of a Raft group: a positive safe integer, unique for ever within its group. */
export type ReplicaId = number;

/**
 * What an entry is for: `data` of the user, a new leader's `noop` (Raft §8), or a `membership`
 * change.
 */
export type EntryType = "data" | "noop" | "membership";

export interface Entry {
  /** From 1 on, without gaps; a safe integer. */
  readonly index: number;
  /** Of the leader that appended it, from 1 on; never falls from entry to entry. */
  readonly term: number;
  readonly type: EntryType;
  /** Empty for `noop`; the encoded {@link Membership} for `membership`. */
  readonly data: Uint8Array;
}

/** A position in a log. Index 0 with term 0 stands before the first entry. */
export interface LogPosition {
  readonly index: number;
  readonly term: number;
}

/**
 * What must survive a crash: term and vote before any message of `term` leaves (Raft §5.1, figure
 * 2), and how far the log was known to be committed.
 */
export interface HardState {
  /** 0 before the first election; a safe integer. */
  readonly term: number;
  /** For whom this replica voted in `term`; 0 for nobody. */
  readonly vote: ReplicaId;
  /**
   * The highest index known to be committed when this was written, never beyond what the log then
   * held. It rides with every write and is a reason for one only when a membership entry waits to
   * be applied: a replica that has acted on a membership knows of it for ever.
   */
  readonly commit: number;
}

/**
 * Who belongs to the group. Sorted ascending, without repeats; a replica is in one list only, but
 * for joint changes.
 */
export interface Membership {
  /** At most 255, as each of the lists. Empty only for a replica that was told of no group yet. */
  readonly voters: readonly ReplicaId[];
  /**
   * The voters of the configuration that is being left; empty unless the change is joint (Raft §6).
   */
  readonly outgoing: readonly ReplicaId[];
  /** They get everything and have no vote. */
  readonly learners: readonly ReplicaId[];
  /** Voters of `outgoing` that become learners once the joint configuration is left. */
  readonly learnersNext: readonly ReplicaId[];
  /** Whether the leader leaves the joint configuration by itself. */
  readonly autoLeave: boolean;
}

/** Describes a snapshot: the state after applying `index`. */
export interface SnapshotMetadata extends LogPosition {
  /** In force after `index` is applied. */
  readonly membership: Membership;
  /** Of the content; 0 for the founding one, which has none. */
  readonly sizeBytes: number;
  /** CRC32C of the whole content. */
  readonly checksum: number;
}
