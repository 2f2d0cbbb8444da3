/**
 * What a replica says of itself.
 */
import type { ReplicatedState } from "@atoll/control";
import type { GetStatusResponse } from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { ReplicaDriver } from "@atoll/raft-replica";

export function statusOf(of: {
  readonly datacenter: string;
  readonly replica: ReplicaDriver;
  readonly state: ReplicatedState;
  readonly busConnected: boolean;
}): GetStatusResponse {
  const {
    id,
    role,
    term,
    leader,
    firstIndex,
    lastIndex,
    commitIndex,
    appliedIndex,
    snapshotIndex,
    peers,
  } = of.replica.status();
  return {
    id,
    datacenter: of.datacenter,
    role,
    term,
    leader,
    firstIndex,
    lastIndex,
    commitIndex,
    appliedIndex,
    snapshotIndex,
    peers: peers.map((peer) => ({ ...peer })),
    busConnected: of.busConnected,
  };
}
