/**
 * What events make of the catalog of roles.
 */
import type { RoleEvent } from "./event.ts";
import type { Since, StateStore } from "./state.ts";

export function evolveRoleApplied(
  store: StateStore,
  event: Extract<RoleEvent, { type: "roleApplied" }>,
  since: Since,
): void {
  store.setRole(event.role.name, { spec: event.role, revision: since.index, since });
}

export function evolveRoleDeleted(
  store: StateStore,
  event: Extract<RoleEvent, { type: "roleDeleted" }>,
): void {
  store.setRole(event.role, undefined);
}
