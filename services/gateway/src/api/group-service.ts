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
import type { Island } from "../islands/island.ts";
import { streamBackup } from "./backup-stream.ts";
import { beginRead } from "./begin-read.ts";
import { groupChanges } from "./group-changes.ts";
import { GroupView, type GroupPicture } from "./group-view.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { parseReplica } from "./parse-names.ts";
import { askReplica } from "./replica-calls.ts";
import { pageSizeOf, readPageToken } from "./pages.ts";

export function groupService(parts: HandlerParts): GroupServiceServer {
  const { environment, islands } = parts;
  function options(method: string): { method: string; environment: typeof environment } {
    return { method: `GroupService/${method}`, environment };
  }
  return {
    getReplica: unary(async ({ name }, context) => {
      const { island, name: id } = islands.locate(parseReplica(name));
      const view = groupOf(island);
      await beginRead(island, context);
      return replica(view, id);
    }, options("GetReplica")),
    listReplicas: unary(async (request, context) => {
      const island = islands.one(request.parent);
      const view = groupOf(island);
      pageSizeOf(request);
      readPageToken(request, ["replicas"]);
      await beginRead(island, context);
      const { replicas, groupId, leader, term, failuresTolerated } = await view.look();
      const leaderName = leader === 0 ? "" : island.names.replica(leader);
      return { replicas, nextPageToken: "", groupId, leader: leaderName, term, failuresTolerated };
    }, options("ListReplicas")),
    ...groupChanges({ islands, groupOf, options, find, replica }),
    transferLeadership: unary(async ({ name }, context) => {
      const { island, name: to } = islands.locate(parseReplica(name));
      const view = groupOf(island);
      const picture = await view.look();
      find(picture, name);
      if (picture.leader === to) return replica(view, to);
      if (picture.leader === 0) throw noLeader(island.datacenter);
      await askReplica(view.clients, picture.leader, context.deadlineMs, (client, ...rest) =>
        client.transferLeadership({ to }, ...rest),
      );
      return replica(view, to);
    }, options("TransferLeadership")),
    snapshotReplica: unary(async ({ name }, context) => {
      const { island, name: id } = islands.locate(parseReplica(name));
      const view = groupOf(island);
      find(await view.look(), name);
      await askReplica(view.clients, id, context.deadlineMs, (client, ...rest) =>
        client.takeSnapshot({}, ...rest),
      );
      return replica(view, id);
    }, options("SnapshotReplica")),
    backupGroup: serverStreaming(async ({ parent }, context, stream) => {
      const island = islands.one(parent);
      const view = groupOf(island);
      await beginRead(island, context);
      const { leader } = await view.look();
      if (leader === 0) throw noLeader(island.datacenter);
      const client = view.clients.client(leader);
      await streamBackup({ client, mirror: island.mirror, stream });
    }, options("BackupGroup")),
  };
}

/** @throws ApiError where this gateway does not reach the replicas themselves. */
function groupOf({ datacenter, replicas, mirror, names }: Island): GroupView {
  if (replicas !== undefined) return new GroupView({ clients: replicas, mirror, names });
  throw new ApiError(
    status.FAILED_PRECONDITION,
    `the replicas of datacenter ${datacenter} are reached through its own gateways only`,
    { reason: "NOT_THE_HOME", metadata: { datacenter } },
  );
}

async function replica(view: GroupView, id: number): Promise<GroupReplica> {
  return find(await view.look(), view.nameOf(id));
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
