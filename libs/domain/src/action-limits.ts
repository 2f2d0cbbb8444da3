/**
 * How much may be taken away, and how much healed, at the same time: every number in one place.
 *
 * The leader decides by them and explanations quote them. These hold until people set others, which
 * are in the log (set-limits.ts). What they are of is in fault-domain.ts.
 */
import type { StateView } from "./state.ts";

export interface ActionLimits {
  /** Actions of one node that disrupt and may be under way at the same time. Default 1. */
  readonly disruptionsPerNodeMax: number;
  /**
   * Of the nodes of a fault domain, so many in a hundred may be disrupted at the same time, and
   * always one. Default 20.
   */
  readonly disruptedPercentMax: number;
  /**
   * How long a service must have been healthy by its new specification before its node makes room
   * for the next: what dies a moment after its start is no success. Default 3,000.
   */
  readonly settleMs: number;
  /** More than so many of a hundred nodes of a fault domain that ail at once. Default 30. */
  readonly stormPercent: number;
  /** Fewer are never one, however small their fault domain. Default 5. */
  readonly stormNodesMin: number;
}

export const ACTION_LIMITS: ActionLimits = {
  disruptionsPerNodeMax: 1,
  disruptedPercentMax: 20,
  settleMs: 3_000,
  stormPercent: 30,
  stormNodesMin: 5,
};

/** Those in force. */
export function limitsOf(view: Pick<StateView, "limits">): ActionLimits {
  return view.limits?.limits ?? ACTION_LIMITS;
}

/** Nodes of a fault domain of `nodes` nodes that may be disrupted at the same time. */
export function disruptedMax(nodes: number, limits: ActionLimits): number {
  return Math.max(1, Math.floor((nodes * limits.disruptedPercentMax) / 100));
}
