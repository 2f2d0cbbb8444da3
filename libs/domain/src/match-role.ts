/**
 * Which nodes have which roles: by assignment, or because the role's rule holds for them.
 *
 * The one answer to that question, for decide, planner and gateway alike. A condition on a reading
 * that is unknown does not hold: a node gets a role for what is known of it, never for what might
 * be.
 */
import type { Inventory, Reading } from "./inventory.ts";
import type { HardwareMatch, Location, RoleSpec } from "./role.ts";
import type { NodeState, RoleState, StateView } from "./state.ts";
import { memoryMib } from "./template-facts.ts";

/** Whether the role's rule holds for the node. A role without a rule matches nobody. */
export function matchesRole(spec: RoleSpec, node: NodeState): boolean {
  if (spec.match === undefined) return false;
  return (
    matchesLabels(spec.match.labels, node.labels) &&
    matchesLocation(spec.match.location, node.location) &&
    matchesHardware(spec.match.hardware, node.inventory?.value)
  );
}

/** Whether the node has the role, by assignment or by rule. */
export function hasRole(spec: RoleSpec, node: NodeState): boolean {
  return node.assignedRoles.includes(spec.name) || matchesRole(spec, node);
}

/** The roles of a node that exist, sorted by name. */
export function rolesOf(view: StateView, node: NodeState): RoleState[] {
  const roles: RoleState[] = [];
  for (const role of view.roles()) if (hasRole(role.spec, node)) roles.push(role);
  return roles;
}

function matchesLabels(
  wanted: Readonly<Record<string, string>>,
  present: Readonly<Record<string, string>>,
): boolean {
  return Object.keys(wanted).every(
    (key) => Object.hasOwn(present, key) && present[key] === wanted[key],
  );
}

function matchesLocation(wanted: Location, present: Location): boolean {
  return (
    (wanted.room === undefined || wanted.room === present.room) &&
    (wanted.rack === undefined || wanted.rack === present.rack) &&
    (wanted.position === undefined || wanted.position === present.position)
  );
}

function matchesHardware(wanted: HardwareMatch, present: Inventory | undefined): boolean {
  const { architecture, coresMin, memoryMibMin, disksMin } = wanted;
  if (
    architecture !== undefined &&
    !holds(present?.cpu.architecture, (is) => is === architecture)
  ) {
    return false;
  }
  if (coresMin !== undefined && !holds(present?.cpu.cores, (cores) => cores >= coresMin))
    return false;
  if (memoryMibMin !== undefined) {
    const enough = (bytes: number): boolean => memoryMib(bytes) >= memoryMibMin;
    if (!holds(present?.memory.totalBytes, enough)) return false;
  }
  return disksMin === undefined || holds(present?.disks, (disks) => disks.length >= disksMin);
}

function holds<T>(reading: Reading<T> | undefined, condition: (value: T) => boolean): boolean {
  return reading?.type === "known" && condition(reading.value);
}
