/**
 * A replica's status as its owner sees it, made from the core's view. Called by `Replica`.
 *
 * Pure: the two parts that only the driver knows, what it has applied and whether it has stopped,
 * are given.
 */
import type { CoreView } from "raft-ts";
import type { ReplicaStatus } from "./ports.ts";

export function statusOf(
  view: CoreView,
  driver: { readonly appliedIndex: number; readonly stopped: boolean },
): ReplicaStatus {
  return {
    id: view.id,
    role: driver.stopped ? "stopped" : view.role,
    term: view.term,
    leader: view.leader,
    firstIndex: view.firstIndex,
    lastIndex: view.lastIndex,
    commitIndex: view.committedIndex,
    appliedIndex: driver.appliedIndex,
    snapshotIndex: view.snapshotIndex,
    membership: view.membership,
    ...(view.recovery === undefined ? {} : { recovery: view.recovery }),
    peers: view.peers.map(({ id, matchIndex, state, active, recovering }) => ({
      id,
      matchIndex,
      state,
      active,
      recovering,
    })),
  };
}
