/**
 * `atoll.v1.GroupService`: the control plane's own replicas, for operators.
 *
 * What is wanted is written to the log like everything else; the leader does the rest, so a call
 * that is cut off leaves nothing half done. What would cost the group its majority is refused here,
 * by what the replicas say now.
 */
import type { GroupReplica, GroupServiceServer } from "@atoll/proto/atoll/v1/group";
import { ApiError, serverStreaming, unary } from "@atoll/service-kit";
import { status } from "@grpc/grpc-js";
import type { ReplicaClients } from "../replicas/replica-clients.ts";
import { streamBackup } from "./backup-stream.ts";
import { groupChanges } from "./group-changes.ts";
import { GroupView, type GroupPicture } from "./group-view.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { askReplica } from "./replica-calls.ts";
import { pageSizeOf, readPageToken } from "./pages.ts";

export function groupService(parts: HandlerParts, clients: ReplicaClients): GroupServiceServer {
  const { environment, names, mirror, reads } = parts;
  const view = new GroupView({ clients, mirror, names });
  function options(method: string): { method: string; environment: typeof environment } {
    return { method: `GroupService/${method}`, environment };
  }
  async function replica(id: number): Promise<GroupReplica> {
    return find(await view.look(), names.replica(id));
  }
  return {
    getReplica: unary(async ({ name }, context) => {
      const id = names.parseReplica(name);
      await reads.begin(context.deadlineMs);
      return replica(id);
    }, options("GetReplica")),
    listReplicas: unary(async (request, context) => {
      names.checkParent(request.parent);
      pageSizeOf(request);
      readPageToken(request, ["replicas"]);
      await reads.begin(context.deadlineMs);
      const { replicas, groupId, leader, term, failuresTolerated } = await view.look();
      const leaderName = leader === 0 ? "" : names.replica(leader);
      return { replicas, nextPageToken: "", groupId, leader: leaderName, term, failuresTolerated };
    }, options("ListReplicas")),
    ...groupChanges({ parts, view, options, find }),
    transferLeadership: unary(async ({ name }, context) => {
      const to = names.parseReplica(name);
      const picture = await view.look();
      find(picture, name);
      if (picture.leader === to) return replica(to);
      if (picture.leader === 0) throw noLeader(parts.datacenter);
      await askReplica(clients, picture.leader, context.deadlineMs, (client, ...rest) =>
        client.transferLeadership({ to }, ...rest),
      );
      return replica(to);
    }, options("TransferLeadership")),
    snapshotReplica: unary(async ({ name }, context) => {
      const id = names.parseReplica(name);
      find(await view.look(), name);
      await askReplica(clients, id, context.deadlineMs, (client, ...rest) =>
        client.takeSnapshot({}, ...rest),
      );
      return replica(id);
    }, options("SnapshotReplica")),
    backupGroup: serverStreaming(async ({ parent }, context, stream) => {
      names.checkParent(parent);
      await reads.begin(context.deadlineMs);
      const { leader } = await view.look();
      if (leader === 0) throw noLeader(parts.datacenter);
      await streamBackup({ client: clients.client(leader), mirror, stream });
    }, options("BackupGroup")),
  };
}

function find(picture: GroupPicture, name: string): GroupReplica {
  const found = picture.replicas.find((replica) => replica.name === name);
  if (found !== undefined) return found;
  const known = picture.replicas.map((replica) => replica.name.split("/").at(-1)).join(", ");
  throw new ApiError(status.NOT_FOUND, `there is no replica ${name}; there are ${known}`, {
    reason: "REPLICA_NOT_FOUND",
    metadata: { replica: name },
  });
}

function noLeader(datacenter: string): ApiError {
  return new ApiError(status.UNAVAILABLE, `no replica of datacenter ${datacenter} leads now`, {
    reason: "NO_LEADER",
    metadata: { datacenter },
    retryDelayMs: 250,
  });
}
