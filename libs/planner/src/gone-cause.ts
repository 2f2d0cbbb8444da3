/**
 * By which event something on a node came to be unwanted.
 *
 * While its role is known, that is the latest change of the role or of what gave the role to the
 * node. When the role is gone, so is its trace in the state; then it is the newest running
 * operation that may have taken something from the node, and 0 when there is none.
 */
import type { NodeName } from "@atoll/domain";
import { compareText } from "@atoll/stdx";
import type { CompiledRole } from "./compiled-role.ts";
import type { Look } from "./finding.ts";

export function goneIndex(look: Look, role: CompiledRole | undefined): number {
  if (role === undefined) return operationIndex(look);
  const { node } = look;
  const inventory = role.asksForHardware ? (node.inventory?.since.index ?? 0) : 0;
  return Math.max(role.state.since.index, node.revision, inventory);
}

/** Where the newest such operation began. */
function operationIndex(look: Look): number {
  let index = 0;
  for (const operation of look.view.runningOperations()) {
    if (operation.kind === "endMaintenance") continue;
    if (includesSorted(operation.nodes, look.node.name)) index = operation.started.index;
  }
  return index;
}

function includesSorted(names: readonly NodeName[], name: NodeName): boolean {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareText(names[middle] as NodeName, name) < 0) low = middle + 1;
    else high = middle;
  }
  return names[low] === name;
}
