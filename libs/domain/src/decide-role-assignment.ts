/**
 * Decides which roles a node has explicitly, beside those that it has by rule.
 */
import type { UserCommand } from "./command.ts";
import { UNCHANGED } from "./decision.ts";
import type { Decision } from "./decision.ts";
import { findNode, findRole } from "./find.ts";
import { matchesRole } from "./match-role.ts";
import { rejected } from "./rejection.ts";
import { withOperation } from "./start-operation.ts";
import { ASSIGNED_ROLES_PER_NODE_MAX } from "./state.ts";
import type { StateView } from "./state.ts";

type AssignRole = Extract<UserCommand, { type: "assignRole" }>;
type UnassignRole = Extract<UserCommand, { type: "unassignRole" }>;

export function decideAssignRole(view: StateView, command: AssignRole): Decision {
  const found = findNode(view, command.node);
  if (found.type === "rejected") return found;
  const role = findRole(view, command.role);
  if (role.type === "rejected") return role;
  const { name, assignedRoles } = found.value;
  if (assignedRoles.includes(command.role)) return UNCHANGED;
  if (assignedRoles.length >= ASSIGNED_ROLES_PER_NODE_MAX) {
    const most = ASSIGNED_ROLES_PER_NODE_MAX;
    const reason = `node ${name} has ${most} assigned roles, which is the most`;
    return rejected("resourceExhausted", reason);
  }
  return withOperation(view, [{ type: "roleAssigned", node: name, role: command.role }], {
    kind: "assignRole",
    description: `assign role ${command.role} to node ${name}`,
    nodes: [name],
  });
}

/**
 * A role that is not assigned: nothing to do, unless the node has it by rule, which this cannot
 * change.
 */
export function decideUnassignRole(view: StateView, command: UnassignRole): Decision {
  const found = findNode(view, command.node);
  if (found.type === "rejected") return found;
  const node = found.value;
  if (!node.assignedRoles.includes(command.role)) {
    const role = findRole(view, command.role);
    if (role.type === "rejected") return role;
    if (!matchesRole(role.value.spec, node)) return UNCHANGED;
    const way = "change the rule, or the node's labels";
    const reason = `node ${node.name} has role ${command.role} by the role's rule: ${way}`;
    return rejected("failedPrecondition", reason);
  }
  return withOperation(view, [{ type: "roleUnassigned", node: node.name, role: command.role }], {
    kind: "unassignRole",
    description: `unassign role ${command.role} from node ${node.name}`,
    nodes: [node.name],
  });
}
