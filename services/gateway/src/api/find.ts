/**
 * Looks things up in the mirror, or says that they are not there and what is near.
 */
import type {
  ActionId,
  ActionState,
  NodeName,
  NodeState,
  OperationId,
  OperationState,
  RoleName,
  RoleState,
} from "@atoll/domain";
import { ApiError } from "@atoll/service-kit";
import { nearest } from "@atoll/stdx";
import { status } from "@grpc/grpc-js";
import type { Mirror } from "../islands/mirror.ts";

/** A hint is not worth comparing with more names than these. */
const CANDIDATES_MAX = 2_000;

export function findNode(mirror: Mirror, name: NodeName): NodeState {
  const node = mirror.datacenter.node(name);
  if (node !== undefined) return node;
  const near = nearest(name, names(mirror.datacenter.nodes()));
  throw notFound("node", name, near === undefined ? "" : `; did you mean ${near}?`);
}

export function findRole(mirror: Mirror, name: RoleName): RoleState {
  const role = mirror.datacenter.role(name);
  if (role !== undefined) return role;
  const roles = [...mirror.datacenter.roles()].map(({ spec }) => spec.name);
  const near = nearest(name, roles);
  throw notFound("role", name, near === undefined ? "" : `; did you mean ${near}?`);
}

export function findAction(mirror: Mirror, id: ActionId): ActionState {
  const action = mirror.datacenter.action(id);
  if (action !== undefined) return action;
  throw notFound("action", id, "; finished actions are kept for a while, events for longer");
}

export function findOperation(mirror: Mirror, id: OperationId): OperationState {
  const operation = mirror.datacenter.operation(id);
  if (operation !== undefined) return operation;
  throw notFound("operation", id, "; finished operations are kept for a while, events for longer");
}

function* names(nodes: Iterable<NodeState>): Iterable<string> {
  let count = 0;
  for (const node of nodes) {
    if (count >= CANDIDATES_MAX) return;
    count += 1;
    yield node.name;
  }
}

function notFound(what: string, name: string, hint: string): ApiError {
  return new ApiError(status.NOT_FOUND, `there is no ${what} ${name}${hint}`, {
    reason: `${what.toUpperCase()}_NOT_FOUND`,
    metadata: { [what]: name },
  });
}
