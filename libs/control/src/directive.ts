/**
 * What an agent must be told apart from orders, and whether its heartbeat shows that it knows.
 */
import { keepsStill, type NodeState, type StateView } from "@atoll/domain";
import type { Directive } from "./ports.ts";
import type { HeartbeatView } from "./watch-report.ts";

export function directiveOf(view: StateView, node: NodeState, term: number): Directive {
  return {
    term,
    incarnation: node.incarnation,
    committed: node.watermark,
    maintenance: keepsStill(view, node),
    ...(node.inventoryOutdated === undefined ? {} : { inventoryWanted: true }),
    ...(node.conflict === undefined ? {} : { contested: true }),
    ...(node.left === undefined
      ? {}
      : { left: { incarnation: node.left.incarnation, committed: node.left.watermark } }),
  };
}

/** One of whom something is wanted is told at each heartbeat, until it is there. */
export function knowsDirective(
  view: StateView,
  node: NodeState,
  heartbeat: HeartbeatView,
): boolean {
  const { boot, sequence } = heartbeat.committed;
  return (
    boot === node.watermark.boot &&
    sequence === node.watermark.sequence &&
    heartbeat.maintenance === keepsStill(view, node) &&
    node.inventoryOutdated === undefined
  );
}

/**
 * Whether an agent of another incarnation than the log's is to be told: one that the log had
 * confirmed something to, or that keeps still though nobody contests the node, or does not though
 * somebody does.
 */
export function mustHear({ conflict }: NodeState, heartbeat: HeartbeatView): boolean {
  const { committed, maintenance } = heartbeat;
  return conflict === undefined ? maintenance || committed.boot > 0 : !maintenance;
}
