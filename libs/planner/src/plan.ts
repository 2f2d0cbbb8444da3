/**
 * What planning a node answers.
 */
import type { NodeName, PlannerDecision, RoleName, Since } from "@atoll/domain";

export interface NodePlan {
  readonly node: NodeName;
  readonly decisions: readonly PlannerDecision[];
  readonly condition: Condition;
  /**
   * Everything on the node is as wanted, nothing is under way, and the node alone is heard. A drift
   * that its role wants only reported does not count against it.
   */
  readonly converged: boolean;
  /**
   * The earliest moment at which the decisions change by time alone; undefined: only an event
   * changes them.
   */
  readonly wakeAtMs: number | undefined;
  /**
   * Some of the orders take away what works. Whether there is room for that among the other nodes
   * is decided when they are decided on.
   */
  readonly disrupts: boolean;
}

/** In order of precedence: the first that holds is the node's. */
export type NodeCondition =
  | "lost"
  | "contested"
  | "suspected"
  | "maintenance"
  | "degraded"
  | "configuring"
  | "ready"
  | "discovered";

export interface Condition {
  readonly state: NodeCondition;
  /** A sentence for people. */
  readonly reason: string;
  /** The last change that made the condition what it is. */
  readonly since: Since;
}

/** Everything about a node that a person may ask "why" about. */
export interface NodeExplanation {
  readonly plan: NodePlan;
  readonly roles: readonly RoleReason[];
  readonly desired: readonly ReasonLine[];
  readonly observed: readonly ReasonLine[];
  /** What is under way or ordered with this plan. */
  readonly doing: readonly ReasonLine[];
  /** What is not as wanted and why nothing is done about it now. */
  readonly waiting: readonly ReasonLine[];
}

export interface RoleReason {
  readonly role: RoleName;
  /** For example `matches labels tier=web`. */
  readonly because: string;
  readonly since: Since;
}

export interface ReasonLine {
  /** A target key, a role's name, or `node`. */
  readonly subject: string;
  readonly text: string;
  readonly since?: Since;
  /** More of it: a diff, a digest, a cause. Empty when there is nothing to add. */
  readonly detail: string;
}
