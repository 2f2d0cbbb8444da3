/**
 * What the driver of a replica needs from the outside.
 *
 * Everything is by callback, never by promise: the simulator decides when a completion happens,
 * and a run stays the same for the same seed. Adapters: raft-level, raft-grpc; in memory: sim.
 */
import type {
  Entry,
  HardState,
  LogPosition,
  Membership,
  MembershipChange,
  MembershipTransition,
  Message,
  RecoveryView,
  ReplicaId,
  SnapshotMetadata,
  Standing,
} from "raft-ts";

/** What a store found when it was opened. The store has checked checksums, chain and contiguity. */
export interface RecoveredLog {
  /** The last that was written; zeros for a new log. */
  readonly hardState: HardState;
  /**
   * The newest complete snapshot; at least the founding one, at index 0 with the first membership.
   */
  readonly snapshot: SnapshotMetadata;
  /** The last entry, or the snapshot's position when there is none after it. */
  readonly last: LogPosition;
  /** The first index that `readEntries` can give; `last.index + 1` when there is none. */
  readonly firstIndex: number;
  /** The newest entries in order, up to the tail bound the store was opened with. */
  readonly tail: readonly Entry[];
  /** The position before the first entry of `tail`. */
  readonly tailPrevious: LogPosition;
  /** Whether the log holds all that was promised with it. Default "whole". */
  readonly standing?: Standing;
}

/**
 * One atomic, ordered change of the log. All of it is durable when `done` is called without an
 * error.
 */
export interface LogWrite {
  /** Written before the entries, in the same synced record batch. */
  readonly hardState?: HardState;
  /**
   * Contiguous. Where they overlap the log, the log from their first index on is replaced by them.
   */
  readonly entries?: readonly Entry[];
  /**
   * From now on the standing of the log. Not before hard state and entries of this write and of
   * all before it are durable.
   */
  readonly standing?: "whole" | "founded";
}

/** Called once: without an error when it is done, with one when it failed. */
export type Done = (error: Error | undefined) => void;

/** What a read of entries gave. */
export interface EntryRange {
  /** The position before the first entry. */
  readonly previous: LogPosition;
  /**
   * At least one entry unless the range was empty; fewer than asked for when `maxBytes` was
   * reached.
   */
  readonly entries: readonly Entry[];
}

/**
 * A durable log. Writes take effect and complete in the order in which they were started; several
 * may be under way. The first failed write ends the store: every later call fails, nothing is
 * retried, the process is expected to end.
 */
export interface LogStore {
  /** Makes a change durable, whole or not at all. */
  write(write: LogWrite, done: Done): void;

  /** Reads entries with `from <= index < to`. Fails with code `COMPACTED` below the first index. */
  readEntries(
    range: { readonly from: number; readonly to: number; readonly maxBytes: number },
    done: (error: Error | undefined, range: EntryRange | undefined) => void,
  ): void;

  /** Makes a snapshot of the own state durable. The log stays; `compact` shortens it. */
  saveSnapshot(metadata: SnapshotMetadata, chunks: readonly Uint8Array[], done: Done): void;

  /**
   * Replaces log and state by a received snapshot in one step: after it the log is empty behind
   * `metadata`.
   */
  installSnapshot(
    metadata: SnapshotMetadata,
    chunks: readonly Uint8Array[],
    hardState: HardState,
    done: Done,
  ): void;

  /** Reads the newest snapshot's bytes at `offset`, at most `maxBytes` of them. */
  readSnapshot(
    range: { readonly index: number; readonly offset: number; readonly maxBytes: number },
    done: (error: Error | undefined, chunk: Uint8Array | undefined) => void,
  ): void;

  /**
   * Forgets entries up to and including `through`, never beyond the newest snapshot. Whole records
   * only: some may stay.
   */
  compact(through: number, done: Done): void;
}

/** Carries messages to peers. Never fails: what cannot be sent is dropped, Raft copes. */
export interface PeerTransport {
  /** Never empty; each message names its receiver. Called synchronously, so it must not block. */
  send(messages: readonly Message[]): void;
}

/**
 * The replicated state machine. Everything is synchronous; a batch should take a few milliseconds
 * at most.
 */
export interface StateMachine {
  /** Takes committed entries of all types, in order, each index once. */
  apply(entries: readonly Entry[]): void;
  /**
   * The state after the last applied entry, as chunks. Deterministic: equal states give equal
   * bytes. A large state is walked over many ticks, one chunk in each, while entries are applied:
   * the chunks must go on to be those of the moment of the call. An empty one is only a pause.
   */
  snapshot(): Iterable<Uint8Array>;
  /**
   * Begins to take in the state after `metadata.index`. A restore that never finishes is forgotten:
   * another may begin.
   */
  restore(metadata: SnapshotMetadata): StateRestore;
}

/** A snapshot on its way into the state, over many turns of the loop. */
export interface StateRestore {
  /** The next bytes, 128 KiB at most. They may be cut in other places than they were given in. */
  take(chunk: Uint8Array): void;
  /** All bytes were taken, and none was damaged: the state is replaced now, and not before. */
  finish(): void;
}

/** What a proposal came to. */
export type ProposalOutcome =
  /** Committed and applied here; of the entries, the first and the last index, and their term. */
  | {
      readonly type: "committed";
      readonly firstIndex: number;
      readonly lastIndex: number;
      readonly term: number;
    }
  /** Certainly not in the log and never will be. `leader` is 0 when unknown. */
  | {
      readonly type: "refused";
      /**
       * `notLeader`: ask `leader`. `overloaded`: too much is not applied yet, or too many wait.
       * `stopped`: this replica has ended. `membershipChanging`, to changes of members alone: an
       * earlier one is under way.
       */
      readonly reason: "notLeader" | "overloaded" | "stopped" | "membershipChanging";
      readonly leader: ReplicaId;
    }
  /** Leadership ended before the commit was known: it may or may not be in the log. */
  | { readonly type: "unknown"; readonly leader: ReplicaId };

/** What a change of membership came to. */
export type MembershipOutcome =
  | ProposalOutcome
  /** Not possible with the present membership; `reason` is a sentence without its end. */
  | { readonly type: "invalid"; readonly reason: string };

/** What handing over leadership came to. */
export type TransferOutcome =
  /** This replica leads no more; `leader` is 0 as long as it is not known who does. */
  | { readonly type: "handedOver"; readonly leader: ReplicaId }
  /** Within an election timeout nothing came of it, and this replica leads on. */
  | { readonly type: "failed" }
  | {
      readonly type: "refused";
      /** `notVoter`: the other is none, or there is none that could lead. */
      readonly reason: "notLeader" | "notVoter" | "transferring" | "stopped";
      readonly leader: ReplicaId;
    };

/** What asking for a snapshot came to. */
export type SnapshotOutcome =
  /** A snapshot at `index` is durable. */
  | { readonly type: "saved"; readonly index: number }
  | { readonly type: "refused"; readonly reason: "stopped" | "overloaded" };

/** What asking for a read came to; `leader` is 0 when unknown. */
export type ReadOutcome =
  /** A read of the state at or after `index` is linearizable. */
  | { readonly type: "ready"; readonly index: number }
  | {
      readonly type: "refused";
      /**
       * `noLeader`: none confirmed an index within `readTimeoutTicks`. `stopped`: this replica has
       * ended. `overloaded`: `readsPendingMax` wait already.
       */
      readonly reason: "noLeader" | "stopped" | "overloaded";
      readonly leader: ReplicaId;
    };

/** Which role the replica has and whom it follows; told at every change. */
export interface LeadershipChange {
  readonly term: number;
  /** 0 when unknown. */
  readonly leader: ReplicaId;
  /** True once this replica is leader and its no-op is applied: from then on it may decide. */
  readonly leading: boolean;
}

/** What the driver tells its owner. Called synchronously; must not call back into the replica. */
export interface ReplicaObserver {
  /** Told at every change, never at the start: a replica begins without a leader. */
  leadershipChanged(change: LeadershipChange): void;
  /** A write failed or a store lied; the replica has stopped for good and the process must end. */
  failed(error: Error): void;
}

/** What a leader knows of one other member, voter or learner. */
export interface PeerProgress {
  /** Whom it is about. */
  readonly id: ReplicaId;
  /** Durable there up to this index, as it said in this term; 0 when it has said nothing yet. */
  readonly matchIndex: number;
  /**
   * `probe`: its log is being compared, one message at a time. `replicate`: entries stream to it.
   * `snapshot`: what it needs is compacted away.
   */
  readonly state: "probe" | "replicate" | "snapshot";
  /** It answered since the quorum was checked last, every `electionTimeoutTicksMin` ticks. */
  readonly active: boolean;
  /** It lost its log and does not count until it is whole. */
  readonly recovering: boolean;
}

/** Where a replica stands. Indexes are those of entries, from 1 on; 0 stands before the first. */
export interface ReplicaStatus {
  readonly id: ReplicaId;
  /** That of Raft, or `stopped` once `stop` was called or something failed. */
  readonly role: "follower" | "preCandidate" | "candidate" | "leader" | "stopped";
  /** 0 before the first election. */
  readonly term: number;
  /** The leader of `term` as far as it is known here, itself included; 0 for none. */
  readonly leader: ReplicaId;
  /** The first index that the store can give; above `lastIndex` when there is none. */
  readonly firstIndex: number;
  /** The end of the log, durable or not. */
  readonly lastIndex: number;
  /** Known to be committed here; at most `lastIndex`. */
  readonly commitIndex: number;
  /** In the state machine, once a snapshot is restored into it; at most `commitIndex`. */
  readonly appliedIndex: number;
  /** The newest snapshot is of this index; 0 for that of the founding. */
  readonly snapshotIndex: number;
  /** In force: that of the last membership entry that is applied, or of the snapshot. */
  readonly membership: Membership;
  /** What it waits for; only while it is not whole. */
  readonly recovery?: RecoveryView;
  /** Only on the leader: everybody else; empty elsewhere. */
  readonly peers: readonly PeerProgress[];
}

/**
 * The face of the driver. Implemented by `Replica`, used by services and the simulator. Every
 * method is synchronous. Each `done` is called once, by `stop` at the latest: mostly after the
 * method has returned, and before where the answer is certain at once.
 */
export interface ReplicaDriver {
  /** One tick of logical time; all timeouts are counts of them. 10 ms apart is meant. */
  tick(): void;
  /** Messages that arrived, in order. Those that are not for this replica are ignored. */
  receive(messages: readonly Message[]): void;
  /**
   * The connection to a peer broke (reset, not slow): if it is the leader, it is suspected at once.
   */
  peerLost(peer: ReplicaId): void;
  /**
   * Proposes entries as one batch with contiguous indexes, one for each of `data`, which must not
   * be empty: throws Bug when it is and this replica leads. The bytes must not be changed any more.
   */
  propose(data: readonly Uint8Array[], done: (outcome: ProposalOutcome) => void): void;
  /**
   * Proposes a change of members. `committed` means that it is applied here, so in force. No
   * changes with `auto` leave a joint configuration.
   */
  changeMembership(
    changes: readonly MembershipChange[],
    transition: MembershipTransition,
    done: (outcome: MembershipOutcome) => void,
  ): void;
  /**
   * Adds a voter: as a learner first, promoted by this leader once it has nearly all of the log.
   * `unknown` when leadership ended before: ask the next leader, which goes on from there. A
   * replica that never answers stays a learner, and the addition waits for it without limit of
   * time: `removeReplica` gives it up, which answers `invalid`.
   */
  addReplica(id: ReplicaId, done: (outcome: MembershipOutcome) => void): void;
  /** Removes a voter or learner, this leader itself included. */
  removeReplica(id: ReplicaId, done: (outcome: MembershipOutcome) => void): void;
  /** Asks this leader to hand over to the voter `to`; answered within an election timeout. */
  transferLeadership(to: ReplicaId, done?: (outcome: TransferOutcome) => void): void;
  /** The same, to the voter that has most of the log: for a graceful end of the process. */
  handOver(done: (outcome: TransferOutcome) => void): void;
  /** Takes a snapshot of the applied state as soon as that is durable as log; then compacts. */
  snapshotNow(done: (outcome: SnapshotOutcome) => void): void;
  /**
   * Finds an index for a linearizable read, on leader and followers. `done` is called after that
   * index is applied here.
   */
  readIndex(done: (outcome: ReadOutcome) => void): void;
  /**
   * The process was stalled (event loop, SIGSTOP) for longer than an election timeout: a leader
   * steps down.
   */
  stalled(): void;
  /** Where it stands now, also after `stop`. */
  status(): ReplicaStatus;
  /**
   * Answers all that is pending and stops: proposals and additions are `unknown`, all else is
   * refused. Idempotent. The ports are left to their owners.
   */
  stop(): void;
}
