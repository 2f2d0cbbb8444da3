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
import { GroupView, type GroupPicture } from "./group-view.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { askReplica } from "./replica-calls.ts";
import { pageSizeOf, readPageToken } from "./pages.ts";

export function groupService(parts: HandlerParts, clients: ReplicaClients): GroupServiceServer {
  const { environment, names, mirror, reads, writes } = parts;
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
    createReplica: unary(async ({ parent, replicaId, address, requestId }, context) => {
      names.checkParent(parent);
      const value = { replica: replicaId, address, replaces: 0 };
      await writes.submit(context, { command: { $case: "addReplica", value }, requestId });
      return replica(replicaId);
    }, options("CreateReplica")),
    deleteReplica: unary(async ({ name, requestId, allowQuorumLoss }, context) => {
      const id = names.parseReplica(name);
      await reads.begin(context.deadlineMs);
      const before = await view.look();
      const found = find(before, name);
      if (!allowQuorumLoss) checkQuorumWithout(before, id);
      const command = { $case: "removeReplica", value: { replica: id } } as const;
      await writes.submit(context, { command, requestId });
      const after = await view.look();
      return after.replicas.find((one) => one.name === name) ?? { ...found, leaving: true };
    }, options("DeleteReplica")),
    replaceReplica: unary(async ({ name, replicaId, address, requestId }, context) => {
      const replaces = names.parseReplica(name);
      await reads.begin(context.deadlineMs);
      const old = find(await view.look(), name);
      const place = address === "" ? old.address : address;
      const value = { replica: replicaId, address: place, replaces };
      await writes.submit(context, { command: { $case: "addReplica", value }, requestId });
      return replica(replicaId);
    }, options("ReplaceReplica")),
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

/** @throws ApiError when those that would be left could not commit anything. */
function checkQuorumWithout({ voters, healthyVoters }: GroupPicture, id: number): void {
  if (!voters.has(id)) return;
  const left = [...voters].filter((voter) => voter !== id);
  const healthy = left.filter((voter) => healthyVoters.has(voter));
  const needed = Math.floor(left.length / 2) + 1;
  if (healthy.length >= needed) return;
  const answer = healthy.length === 1 ? "1 answers" : `${healthy.length} answer`;
  throw new ApiError(
    status.FAILED_PRECONDITION,
    `without replica ${id} the group has ${left.length} voters, of which ${needed} are needed and ` +
      `${answer}: it could decide nothing any more`,
    { reason: "QUORUM_WOULD_BE_LOST", metadata: { replica: String(id) } },
  );
}

function noLeader(datacenter: string): ApiError {
  return new ApiError(status.UNAVAILABLE, `no replica of datacenter ${datacenter} leads now`, {
    reason: "NO_LEADER",
    metadata: { datacenter },
    retryDelayMs: 250,
  });
}
