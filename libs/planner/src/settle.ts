/**
 * When what an action took away has been back for long enough.
 *
 * Time alone ends a disruption, so the plan of a node says when to look again. Nothing is judged
 * while the node is not heard: what is known of it may be old.
 */
import type { NodeState, PlannerDecision, TargetKey } from "@atoll/domain";
import { backSince } from "@atoll/domain";

export interface Settling {
  readonly decisions: readonly PlannerDecision[];
  /** When the first of the others will be back for long enough. */
  readonly wakeAtMs: number | undefined;
}

/** @param settleMs how long is long enough. */
export function settlingOf(node: NodeState, nowMs: number, settleMs: number): Settling {
  const decisions: PlannerDecision[] = [];
  let wakeAtMs: number | undefined;
  if (node.presence !== "alive") return { decisions, wakeAtMs };
  for (const target of [...node.disrupted.keys()].toSorted()) {
    const atMs = settlesAtMs(node, target, settleMs);
    if (atMs === undefined) continue;
    if (atMs <= nowMs) decisions.push({ type: "settle", node: node.name, target });
    else wakeAtMs = Math.min(atMs, wakeAtMs ?? atMs);
  }
  return { decisions, wakeAtMs };
}

function settlesAtMs(node: NodeState, target: TargetKey, settleMs: number): number | undefined {
  const since = backSince(node, target);
  return since === undefined ? undefined : since.stampMs + settleMs;
}
