/**
 * What a Raft core wants done, as plain data, and the order in which to do it.
 *
 * The order is part of the contract. `takeEffects()` returns effects in the order of execution:
 *
 * 1. `persist` and `installSnapshot`: start the write; do not wait for it. Writes start in order.
 * 2. `send`: hand over the messages. Those that depend on a write that is not durable yet are not
 *    among them: the core holds them in a list of its own and lets them go after `persisted`.
 * 3. `loadEntries`, `loadSnapshotChunk`: start the reads; answer with the input of that name.
 * 4. `apply`: hand the entries to the state machine, then give `applied`. One at a time.
 * 5. Answers: `proposalAccepted`, `proposalRefused`, `readReady`, `readRefused`.
 * 6. `leadership`: tell the owner. Proposals accepted in another term are undecided from here on.
 * 7. `failed`: stop for good.
 */
import type { Entry, HardState, ReplicaId, SnapshotMetadata } from "./entry.ts";
import type { Message } from "./message.ts";

/** What a replica is in its term. A pre-candidate asks whether it could win, in the term before. */
export type Role = "follower" | "preCandidate" | "candidate" | "leader";

/**
 * One atomic write. Where the entries overlap the stored log, they replace it from their first on.
 */
export interface PersistEffect {
  readonly type: "persist";
  /** Names the write in `persisted`; rises by one from write to write, from 1 on in each life. */
  readonly write: number;
  readonly hardState: HardState;
  /**
   * Contiguous, at most `writeBytesMax` but for a single one; empty when term, vote, commit or
   * standing alone has changed.
   */
  readonly entries: readonly Entry[];
  /** Ends a recovery: once this write is durable the replica counts again. Mostly undefined. */
  readonly standing: "whole" | "founded" | undefined;
}

/** Replaces log and state by a received snapshot; counts as a write, and as everything applied. */
export interface InstallSnapshotEffect {
  readonly type: "installSnapshot";
  /** As that of `persist`. */
  readonly write: number;
  readonly metadata: SnapshotMetadata;
  /** The content, in order: `metadata.sizeBytes` in all, of checksum `metadata.checksum`. */
  readonly chunks: readonly Uint8Array[];
  readonly hardState: HardState;
}

/** Reads entries with `from <= index < to` back from the store; answer with `entriesLoaded`. */
export interface LoadEntriesEffect {
  readonly type: "loadEntries";
  /** Names the load in `entriesLoaded`; never used again in a life. */
  readonly request: number;
  readonly from: number;
  /** One past the last. */
  readonly to: number;
  /** Fewer entries may come back, to stay within it, but at least one. */
  readonly maxBytes: number;
}

/** Reads bytes of the snapshot of `index` back; answer with `snapshotChunkLoaded`. */
export interface LoadSnapshotChunkEffect {
  readonly type: "loadSnapshotChunk";
  /** Names the load in `snapshotChunkLoaded`; never used again in a life. */
  readonly request: number;
  readonly index: number;
  /** In bytes, from the start of the content. */
  readonly offset: number;
  /** Exactly so many bytes come back, but at the end of the content. */
  readonly maxBytes: number;
}

/**
 * Committed entries of all types for the state machine: the next ones, in order, each index once in
 * a life. At most `applyBytesMax`, but for a single one. Answer with `applied`.
 */
export interface ApplyEffect {
  readonly type: "apply";
  /** Never empty. */
  readonly entries: readonly Entry[];
}

/**
 * The entries of a proposal are in this leader's log, at these indexes with this term. They are
 * committed once the entry that is applied at `lastIndex` has this term, and never when it has
 * another.
 */
export interface ProposalAcceptedEffect {
  readonly type: "proposalAccepted";
  /** The number that `propose` or `changeMembership` gave. */
  readonly proposal: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly term: number;
}

/** Nothing of the proposal is in the log, and nothing will be. */
export interface ProposalRefusedEffect {
  readonly type: "proposalRefused";
  /** The number that `propose` or `changeMembership` gave. */
  readonly proposal: number;
  /**
   * `notLeader`: ask `leader`; also while this one hands over. `overloaded`: `uncommittedBytesMax`
   * is reached. `membershipChanging`: an earlier change is not applied yet. `invalid`: no such
   * change of the present membership is possible; `detail` says why.
   */
  readonly reason: "notLeader" | "overloaded" | "membershipChanging" | "invalid";
  /** Empty but for `invalid`. */
  readonly detail: string;
  /** Who leads, or is being handed over to; 0 when unknown. */
  readonly leader: ReplicaId;
}

/** Once `index` is applied here, a read of the state is linearizable; not before. */
export interface ReadReadyEffect {
  readonly type: "readReady";
  /** The number that `readIndex` gave. */
  readonly read: number;
  readonly index: number;
}

/** The read got no index; ask again, here or at `leader`. */
export interface ReadRefusedEffect {
  readonly type: "readRefused";
  /** The number that `readIndex` gave. */
  readonly read: number;
  /**
   * `noLeader`: within `readTimeoutTicks` no leader confirmed one. `overloaded`: `readsPendingMax`
   * wait already.
   */
  readonly reason: "noLeader" | "overloaded";
  /** 0 when unknown. */
  readonly leader: ReplicaId;
}

/** Something of these four has changed; given once for each change that is still so. */
export interface LeadershipEffect {
  readonly type: "leadership";
  readonly term: number;
  /** 0 when unknown. */
  readonly leader: ReplicaId;
  readonly role: Role;
  /** This replica leads and has applied its no-op. */
  readonly leading: boolean;
}

/** The store has lost what was acknowledged or committed: stop, and do not vote with it again. */
export interface FailedEffect {
  readonly type: "failed";
  /** For a human; a sentence without its end. */
  readonly reason: string;
}

/** See the order above: the driver executes them as they come. */
export type Effect =
  | PersistEffect
  | InstallSnapshotEffect
  /** Never empty, in the order in which each receiver should get them; may be lost. */
  | { readonly type: "send"; readonly messages: readonly Message[] }
  | LoadEntriesEffect
  | LoadSnapshotChunkEffect
  | ApplyEffect
  | ProposalAcceptedEffect
  | ProposalRefusedEffect
  | ReadReadyEffect
  | ReadRefusedEffect
  | LeadershipEffect
  | FailedEffect;
