/**
 * What a replica says of itself.
 */
import type { ReplicatedState } from "@atoll/control";
import type { GetStatusResponse } from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { ReplicaDriver } from "@atoll/raft-replica";
import { VERSION } from "./version.ts";

export function statusOf(of: {
  readonly datacenter: string;
  readonly replica: ReplicaDriver;
  readonly state: ReplicatedState;
  readonly busConnected: boolean;
  readonly groupId: string;
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
    membership,
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
    peers: peers.map((peer) => ({ ...peer, recovering: false })),
    busConnected: of.busConnected,
    groupId: of.groupId,
    voters: membership.voters,
    outgoingVoters: membership.outgoing,
    learners: [...membership.learners, ...membership.learnersNext],
    recovering: false,
    version: VERSION,
  };
}
