/**
 * Decides about the catalog: roles are applied together or not at all, and deleted one by one.
 */
import { canonicalJson } from "@atoll/stdx";
import { checkRoles } from "./check-roles.ts";
import { UNCHANGED } from "./decision.ts";
import type { Decision } from "./decision.ts";
import type { DomainEvent } from "./event.ts";
import { findRole } from "./find.ts";
import { hasRole } from "./match-role.ts";
import type { NodeName, RoleName } from "./names.ts";
import { rejected } from "./rejection.ts";
import type { RoleSpec } from "./role.ts";
import { withOperation } from "./start-operation.ts";
import type { StateView } from "./state.ts";

/**
 * A role that is assigned to more nodes than this must be unassigned from some before it can be
 * deleted.
 */
export const UNASSIGNED_AT_ONCE_MAX = 10_000;

/** So many names are spelt out in the description of an operation. */
const NAMES_SHOWN_MAX = 3;

export function decideApplyRoles(view: StateView, roles: readonly RoleSpec[]): Decision {
  if (roles.length === 0)
    return rejected("invalidArgument", "no role is given: at least one is needed");
  const violations = checkRoles(roles, specsOf(view));
  const [first] = violations;
  if (first !== undefined) {
    const more = violations.length > 1 ? `, and ${violations.length - 1} more` : "";
    const place = `role ${first.subject}, ${first.path}`;
    const reason = `${place}: ${first.reason}${more}; nothing was applied`;
    return rejected("invalidArgument", reason, violations);
  }
  const changed = roles.filter((role) => !isEqual(role, view.role(role.name)?.spec));
  if (changed.length === 0) return UNCHANGED;
  const events = changed.map((role): DomainEvent => ({ type: "roleApplied", role }));
  const before = changed.flatMap((role) => view.role(role.name)?.spec ?? []);
  return withOperation(view, events, {
    kind: "applyRoles",
    description: `apply ${describeRoles(changed)}`,
    nodes: nodesWith(view, [...before, ...changed]),
  });
}

/** Takes the role from the nodes that it is assigned to as well. */
export function decideDeleteRole(view: StateView, name: RoleName): Decision {
  const found = findRole(view, name);
  if (found.type === "rejected") return found;
  const events: DomainEvent[] = [];
  for (const node of view.nodes()) {
    if (!node.assignedRoles.includes(name)) continue;
    if (events.length >= UNASSIGNED_AT_ONCE_MAX) {
      const many = `more than ${UNASSIGNED_AT_ONCE_MAX} nodes`;
      const reason = `role ${name} is assigned to ${many}: unassign it from some first`;
      return rejected("resourceExhausted", reason);
    }
    events.push({ type: "roleUnassigned", node: node.name, role: name });
  }
  events.push({ type: "roleDeleted", role: name });
  return withOperation(view, events, {
    kind: "deleteRole",
    description: `delete role ${name}`,
    nodes: nodesWith(view, [found.value.spec]),
  });
}

/** The nodes that have one of the roles, sorted. */
function nodesWith(view: StateView, roles: readonly RoleSpec[]): NodeName[] {
  const names: NodeName[] = [];
  for (const node of view.nodes())
    if (roles.some((role) => hasRole(role, node))) names.push(node.name);
  return names;
}

function* specsOf(view: StateView): Iterable<RoleSpec> {
  for (const role of view.roles()) yield role.spec;
}

function describeRoles(roles: readonly RoleSpec[]): string {
  const shown = roles
    .slice(0, NAMES_SHOWN_MAX)
    .map((role) => role.name)
    .join(", ");
  const more = roles.length - NAMES_SHOWN_MAX;
  const what = roles.length === 1 ? "role" : "roles";
  return more > 0 ? `${what} ${shown} and ${more} more` : `${what} ${shown}`;
}

function isEqual(left: RoleSpec, right: RoleSpec | undefined): boolean {
  return right !== undefined && canonicalJson(left) === canonicalJson(right);
}
