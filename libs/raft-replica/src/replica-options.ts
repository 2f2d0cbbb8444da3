/**
 * What a replica is made of: its ports, what its store found, and its numbers.
 *
 * Given to `Replica` by services and the simulator; checked there, changed nowhere.
 */
import type { Prng } from "@atoll/stdx";
import type { ReplicaId } from "raft-ts";
import type {
  LogStore,
  PeerTransport,
  RecoveredLog,
  ReplicaObserver,
  StateMachine,
} from "./ports.ts";
import type { ReplicaSettings } from "./settings.ts";

export interface ReplicaOptions {
  /** A positive safe integer, unique for ever within the group. */
  readonly id: ReplicaId;
  /** What `store` found when it was opened. */
  readonly recovered: RecoveredLog;
  /** Used by this replica alone from now on. */
  readonly store: LogStore;
  readonly transport: PeerTransport;
  /** In its initial state; a snapshot in `recovered` is restored into it first. */
  readonly stateMachine: StateMachine;
  readonly observer: ReplicaObserver;
  /** Must differ between replicas and between lives of one. */
  readonly prng: Prng;
  /** Defaults: {@link DEFAULT_REPLICA_SETTINGS}. */
  readonly settings?: Partial<ReplicaSettings>;
}
