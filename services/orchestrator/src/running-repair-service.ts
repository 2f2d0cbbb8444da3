/**
 * What a replica that runs answers to peers that repair their logs.
 *
 * Joins only: the log from the store, who counts and where they are from Raft and the state. Added
 * to the replica's server.
 */
import type { ReplicatedState } from "@atoll/control";
import type { LogStore, ReplicaDriver } from "@atoll/raft-replica";
import type { GrpcService } from "@atoll/service-kit";
import { repairService } from "./repair-service.ts";
import { storeEntriesUpTo } from "./store-entries.ts";

export function runningRepairService(parts: {
  readonly groupId: string;
  readonly replica: Pick<ReplicaDriver, "status">;
  readonly store: Pick<LogStore, "readEntries">;
  readonly state: ReplicatedState;
}): GrpcService {
  const { groupId, replica, store, state } = parts;
  return repairService({
    groupId,
    replicaId: replica.status().id,
    entriesUpTo: (wanted) => storeEntriesUpTo(store, replica.status(), wanted),
    answerer: () => {
      const { membership, recovery } = replica.status();
      const replicas = [...state.datacenter.groupReplicas()];
      return {
        whole: recovery === undefined,
        voters: membership.voters,
        outgoingVoters: membership.outgoing,
        addresses: Object.fromEntries(replicas.map(({ id, address }) => [id, address])),
      };
    },
  });
}
