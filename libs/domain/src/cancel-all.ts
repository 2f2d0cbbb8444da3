/**
 * Ends all that is under way on a node, because nothing may or can be done there any more.
 */
import type { DomainEvent } from "./event.ts";
import type { NodeState } from "./state.ts";

/** One `actionCancelled` for each open action, in the order of targets. */
export function cancelAll(node: NodeState, reason: string): DomainEvent[] {
  return [...node.open]
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([, action]) => ({ type: "actionCancelled", node: node.name, action, reason }));
}
