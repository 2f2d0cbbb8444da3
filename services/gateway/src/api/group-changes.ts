/**
 * The calls of `GroupService` that change which replicas are wanted.
 *
 * They write to the log what is wanted and answer with how it stands; the leader does the rest.
 */
import type { GroupReplica, GroupServiceServer } from "@atoll/proto/atoll/v1/group";
import { ApiError, type HandlerOptions, unary } from "@atoll/service-kit";
import { status } from "@grpc/grpc-js";
import type { Island } from "../islands/island.ts";
import type { Islands } from "../islands/islands.ts";
import { beginRead } from "./begin-read.ts";
import type { GroupPicture, GroupView } from "./group-view.ts";
import { parseReplica } from "./parse-names.ts";

export function groupChanges(joined: {
  readonly islands: Islands;
  /** @throws ApiError where the replicas are not reached from here. */
  readonly groupOf: (island: Island) => GroupView;
  readonly options: (method: string) => HandlerOptions;
  /** @throws ApiError for a replica that is not there. */
  readonly find: (picture: GroupPicture, name: string) => GroupReplica;
  readonly replica: (view: GroupView, id: number) => Promise<GroupReplica>;
}): Pick<GroupServiceServer, "createReplica" | "deleteReplica" | "replaceReplica"> {
  const { islands, groupOf, options, find, replica } = joined;
  return {
    createReplica: unary(async ({ parent, replicaId, address, requestId }, context) => {
      const island = islands.one(parent);
      const view = groupOf(island);
      const value = { replica: replicaId, address, replaces: 0 };
      await island.writes.submit(context, { command: { $case: "addReplica", value }, requestId });
      return replica(view, replicaId);
    }, options("CreateReplica")),
    deleteReplica: unary(async ({ name, requestId, allowQuorumLoss }, context) => {
      const { island, name: id } = islands.locate(parseReplica(name));
      const view = groupOf(island);
      await beginRead(island, context);
      const before = await view.look();
      const found = find(before, name);
      if (!allowQuorumLoss) checkQuorumWithout(before, id);
      const command = { $case: "removeReplica", value: { replica: id } } as const;
      await island.writes.submit(context, { command, requestId });
      const after = await view.look();
      return after.replicas.find((one) => one.name === name) ?? { ...found, leaving: true };
    }, options("DeleteReplica")),
    replaceReplica: unary(async ({ name, replicaId, address, requestId }, context) => {
      const { island, name: replaces } = islands.locate(parseReplica(name));
      const view = groupOf(island);
      await beginRead(island, context);
      const old = find(await view.look(), name);
      const place = address === "" ? old.address : address;
      const value = { replica: replicaId, address: place, replaces };
      await island.writes.submit(context, { command: { $case: "addReplica", value }, requestId });
      return replica(view, replicaId);
    }, options("ReplaceReplica")),
  };
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
    `without replica ${id} the group has ${left.length} voters, of which ${needed} are needed ` +
      `and ${answer}: it could decide nothing any more`,
    { reason: "QUORUM_WOULD_BE_LOST", metadata: { replica: String(id) } },
  );
}
