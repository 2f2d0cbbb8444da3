/**
 * Names that exist, asked of the gateway: for tab completion and for the nearest right name in
 * errors.
 *
 * Both are conveniences: short deadlines, and silence where the gateway does not answer.
 */
import { status as GrpcStatus } from "@grpc/grpc-js";
import { ActionServiceService } from "@atoll/proto/atoll/v1/action";
import { GroupServiceService } from "@atoll/proto/atoll/v1/group";
import { NodeServiceService } from "@atoll/proto/atoll/v1/node";
import { OperationServiceService } from "@atoll/proto/atoll/v1/operation";
import { RoleServiceService } from "@atoll/proto/atoll/v1/role";
import { nearest } from "@atoll/stdx";
import { CommandError, hasStatus } from "./failure.ts";
import type { Gateway } from "./gateway.ts";
import { shortName } from "./resource-names.ts";

export const NAMES_TIMEOUT_MS = 800;
const NAMES_MAX = 1_000;

export type NameKind = "node" | "role" | "action" | "operation" | "replica";

/** Short names, in the gateway's order; empty when it does not answer in time. */
export async function knownNames(gateway: Gateway, kind: NameKind): Promise<readonly string[]> {
  try {
    return (await fetchNames(gateway, kind)).map(shortName);
  } catch (error) {
    if (error instanceof CommandError) return [];
    throw error;
  }
}

/**
 * Runs `work`; when the gateway does not know one of the names in it, the error gets the nearest
 * right one and the command that lists them.
 */
export async function withNearestNames<Result>(
  gateway: Gateway,
  names: Partial<Readonly<Record<NameKind, string>>>,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!hasStatus(error, GrpcStatus.NOT_FOUND)) throw error;
    const hints: string[] = [];
    for (const [kind, name] of Object.entries(names) as [NameKind, string][]) {
      hints.push(...(await nameHints(gateway, kind, shortName(name))));
    }
    throw new CommandError(error.message, {
      exitStatus: error.exitStatus,
      violations: error.violations,
      // The gateway names the nearest one itself where the domain knew it.
      hints: [...error.hints, ...hints.filter((hint) => !error.message.includes(hint))],
      cause: error,
    });
  }
}

async function nameHints(gateway: Gateway, kind: NameKind, name: string): Promise<string[]> {
  const known = await knownNames(gateway, kind);
  if (known.includes(name)) return [];
  // Numbers are not near each other by their digits.
  const near = kind === "replica" ? undefined : nearest(name, known);
  const group = kind === "replica" ? "group" : kind;
  const list = `\`atoll ${group} list\` shows what there is`;
  return near === undefined ? [list] : [`did you mean ${near}?`, list];
}

async function fetchNames(gateway: Gateway, kind: NameKind): Promise<readonly string[]> {
  const paging = { pageSize: NAMES_MAX, pageToken: "", filter: "" };
  const time = NAMES_TIMEOUT_MS;
  switch (kind) {
    case "node": {
      const request = { ...paging, parent: await gateway.datacenter() };
      const answer = await gateway.call(NodeServiceService.listNodes, request, time);
      return answer.nodes.map((node) => node.name);
    }
    case "role": {
      const answer = await gateway.call(RoleServiceService.listRoles, paging, time);
      return answer.roles.map((role) => role.name);
    }
    case "action": {
      const request = { ...paging, parent: await gateway.datacenter() };
      const answer = await gateway.call(ActionServiceService.listActions, request, time);
      return answer.actions.map((action) => action.name);
    }
    case "replica": {
      const request = { parent: await gateway.datacenter(), pageSize: 0, pageToken: "" };
      const answer = await gateway.call(GroupServiceService.listReplicas, request, time);
      return answer.replicas.map((replica) => replica.name);
    }
    case "operation": {
      const request = { ...paging, parent: await gateway.datacenter() };
      const answer = await gateway.call(OperationServiceService.listOperations, request, time);
      return answer.operations.map((operation) => operation.name);
    }
  }
}
