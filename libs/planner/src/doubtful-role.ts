/**
 * Roles of which nobody can say whether a node has them.
 *
 * A rule's condition on an unknown reading does not hold, so such a role is not given to a node.
 * But a reading that went missing (a tool removed, a right lost) is no reason to take from a node
 * what it got while the reading was known: lost sight is not failure. So what is there of such a
 * role is left alone until the reading is known again.
 */
import {
  type DatacenterName,
  type HardwareMatch,
  matchesRole,
  type NodeState,
  readFact,
  type RoleSpec,
} from "@atoll/domain";
import type { CompiledRole } from "./compiled-role.ts";
import type { MissingFact } from "./template-text.ts";

export interface DoubtfulRole {
  readonly role: CompiledRole;
  /** The readings that would decide. */
  readonly unknown: readonly MissingFact[];
}

const FACT_OF_CONDITION: Readonly<Record<keyof HardwareMatch, string>> = {
  architecture: "cpu.architecture",
  coresMin: "cpu.cores",
  memoryMibMin: "memory.mib",
  disksMin: "disks.count",
};

/**
 * The unknown readings on which it depends whether the rule of a role, which does not hold for
 * the node, would hold. None when it does not hold whatever they are.
 */
export function unknownConditions(
  spec: RoleSpec,
  node: NodeState,
  datacenter: DatacenterName,
): readonly MissingFact[] {
  const { match } = spec;
  if (match === undefined || Object.keys(match.hardware).length === 0) return [];
  const unknown: MissingFact[] = [];
  const hardware: Record<string, unknown> = {};
  for (const [condition, fact] of Object.entries(FACT_OF_CONDITION)) {
    const wanted = match.hardware[condition as keyof HardwareMatch];
    if (wanted === undefined) continue;
    const reading = readFact(node, datacenter, fact);
    if (reading.type === "unknown") unknown.push({ fact, reason: reading.reason });
    else hardware[condition] = wanted;
  }
  if (unknown.length === 0) return [];
  const relaxed: RoleSpec = { ...spec, match: { ...match, hardware } };
  return matchesRole(relaxed, node) ? unknown : [];
}
