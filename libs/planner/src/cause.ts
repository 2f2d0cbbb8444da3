/**
 * Why a node has a role, and which event made the planner want something.
 *
 * The state keeps for most things the index of the last change only, so a cause names the latest
 * event that can have made the difference.
 */
import type { Cause, NodeState, RoleSpec, Since } from "@atoll/domain";
import type { DesiredRole } from "./desired.ts";
import { laterSince, type Look } from "./finding.ts";

/** For example `matches labels tier=web, rack r1` or `is assigned`. */
export function becauseOf(spec: RoleSpec, node: NodeState): string {
  if (node.assignedRoles.includes(spec.name)) return "is assigned";
  const { match } = spec;
  if (match === undefined) return "is wanted";
  const labels = Object.keys(match.labels).toSorted();
  const parts = labels.map((label) => `${label}=${match.labels[label]}`);
  const conditions = parts.length > 0 ? [`labels ${parts.join(" ")}`] : [];
  const { room, rack, position } = match.location;
  if (room !== undefined) conditions.push(`room ${room}`);
  if (rack !== undefined) conditions.push(`rack ${rack}`);
  if (position !== undefined) conditions.push(`position ${position}`);
  const { architecture, coresMin, memoryMibMin, disksMin } = match.hardware;
  if (architecture !== undefined) conditions.push(`architecture ${architecture}`);
  if (coresMin !== undefined) conditions.push(`at least ${coresMin} cores`);
  if (memoryMibMin !== undefined) conditions.push(`at least ${memoryMibMin} MiB of memory`);
  if (disksMin !== undefined) conditions.push(`at least ${disksMin} disks`);
  return conditions.length === 0 ? "matches every node" : `matches ${conditions.join(", ")}`;
}

/** The latest change, of those whose moment the state keeps, that made the node have the role. */
export function roleSince(wanted: DesiredRole, node: NodeState): Since {
  const since = laterSince(wanted.role.state.since, node.discovered);
  if (node.inventory === undefined || !wanted.role.asksForHardware) return since;
  return laterSince(since, node.inventory.since);
}

/** Why something of the role that is not on the node at all is wanted there. */
export function wantedCause(look: Look, wanted: DesiredRole): Cause {
  const { node } = look;
  const { name, state } = wanted.role;
  const because = becauseOf(state.spec, node);
  const { what, index } = latestChange(wanted, node);
  switch (what) {
    case "role":
      return { text: `role ${name} was applied and ${because}`, index };
    case "node":
      return { text: `node ${node.name} was changed: role ${name} ${because}`, index };
    case "inventory":
      return { text: `the inventory of ${node.name} changed: role ${name} ${because}`, index };
    case "discovery":
      return { text: `node ${node.name} was discovered: role ${name} ${because}`, index };
  }
}

/** Why something of the role that is on the node differs from what is wanted. */
export function changedCause(look: Look, wanted: DesiredRole, subject: string): Cause {
  const { node } = look;
  const text = `${subject} differs from what role ${wanted.role.name} wants`;
  const { what, index } = latestChange(wanted, node);
  switch (what) {
    case "role":
      return { text: `${text}: the role was applied`, index };
    case "node":
      return { text: `${text}: what is set on ${node.name} changed`, index };
    case "inventory":
      return { text: `${text}: the inventory of ${node.name} changed`, index };
    case "discovery":
      return { text, index };
  }
}

function latestChange(
  wanted: DesiredRole,
  node: NodeState,
): { what: "role" | "node" | "inventory" | "discovery"; index: number } {
  const role = wanted.role.state.since.index;
  const inventory = wanted.role.asksForHardware ? (node.inventory?.since.index ?? 0) : 0;
  const discovery = node.discovered.index;
  // A revision that is the discovery itself says nothing more.
  const revision = node.revision > discovery ? node.revision : 0;
  const index = Math.max(role, inventory, discovery, revision);
  if (index === role) return { what: "role", index };
  if (index === revision) return { what: "node", index };
  if (index === discovery) return { what: "discovery", index };
  return { what: "inventory", index };
}
