/**
 * Planning: state in, decisions and their reasons out.
 */
export type { AffectedNodes } from "./affected-nodes.ts";
export { affectedNodes } from "./affected-nodes.ts";
export { backoffMs } from "./backoff.ts";
export {
  ACTIONS_OPEN_PER_NODE_MAX,
  BACKOFF_FIRST_MS,
  BACKOFF_MAX_MS,
  DEGRADED_AFTER_FAILURES,
  FILE_TIMEOUT_MS,
  NODES_CACHED_MAX,
  REPETITION_GAP_MS,
  REPORT_WAIT_MS,
  START_TIMEOUT_MS,
  STOP_MARGIN_MS,
  STOP_TIMEOUT_DEFAULT_MS,
} from "./bounds.ts";
export type {
  Condition,
  NodeCondition,
  NodeExplanation,
  NodePlan,
  ReasonLine,
  RoleReason,
} from "./plan.ts";
export { Planner } from "./planner.ts";
export { lintPlan } from "./plan-linter.ts";
