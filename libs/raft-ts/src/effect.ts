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

export type Role = "follower" | "preCandidate" | "candidate" | "leader";

/**
 * One atomic write. Where the entries overlap the stored log, they replace it from their first on.
 */
export interface PersistEffect {
  readonly type: "persist";
  readonly write: number;
  readonly hardState: HardState;
  readonly entries: readonly Entry[];
  /** Ends a recovery: once this write is durable the replica counts again. */
  readonly standing: "whole" | "founded" | undefined;
}

/** Replaces log and state by a received snapshot; counts as a write, and as everything applied. */
export interface InstallSnapshotEffect {
  readonly type: "installSnapshot";
  readonly write: number;
  readonly metadata: SnapshotMetadata;
  readonly chunks: readonly Uint8Array[];
  readonly hardState: HardState;
}

export type Effect =
  | PersistEffect
  | InstallSnapshotEffect
  | { readonly type: "send"; readonly messages: readonly Message[] }
  | {
      readonly type: "loadEntries";
      readonly request: number;
      readonly from: number;
      /** One past the last. */
      readonly to: number;
      readonly maxBytes: number;
    }
  | {
      readonly type: "loadSnapshotChunk";
      readonly request: number;
      readonly index: number;
      readonly offset: number;
      readonly maxBytes: number;
    }
  | { readonly type: "apply"; readonly entries: readonly Entry[] }
  | {
      readonly type: "proposalAccepted";
      readonly proposal: number;
      readonly firstIndex: number;
      readonly lastIndex: number;
      readonly term: number;
    }
  | {
      readonly type: "proposalRefused";
      readonly proposal: number;
      /**
       * `membershipChanging`: an earlier change is not applied yet. `invalid`: no such change of
       * the present membership is possible; `detail` says why.
       */
      readonly reason: "notLeader" | "overloaded" | "membershipChanging" | "invalid";
      /** Empty but for `invalid`. */
      readonly detail: string;
      readonly leader: ReplicaId;
    }
  /** Once `index` is applied here, a read of the state is linearizable. */
  | { readonly type: "readReady"; readonly read: number; readonly index: number }
  | {
      readonly type: "readRefused";
      readonly read: number;
      readonly reason: "noLeader" | "overloaded";
      readonly leader: ReplicaId;
    }
  | {
      readonly type: "leadership";
      readonly term: number;
      readonly leader: ReplicaId;
      readonly role: Role;
      /** This replica leads and has applied its no-op. */
      readonly leading: boolean;
    }
  | { readonly type: "failed"; readonly reason: string };
