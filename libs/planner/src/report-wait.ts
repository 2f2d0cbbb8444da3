/**
 * Whether an order has just succeeded and only its effect has not been reported yet.
 *
 * Without it the planner would order the same thing twice when a batch of facts ends between the
 * result of an action and the observation that belongs to it.
 */
import type { ActionState } from "@atoll/domain";
import { REPORT_WAIT_MS } from "./bounds.ts";
import type { Candidate } from "./next-step.ts";
import { hasDone } from "./past-orders.ts";

/** Until when to wait for the report; undefined when none is owed. `past` is newest first. */
export function reportAwaitedUntilMs(
  candidate: Candidate,
  past: readonly ActionState[],
  nowMs: number,
): number | undefined {
  const { wish, digest, observed } = candidate;
  const [newest] = past;
  if (newest?.ended === undefined || !hasDone(newest, wish, digest)) return undefined;
  // An observation since the order was planned is the report, good or bad.
  if (observed !== undefined && observed.since.index > newest.planned.index) return undefined;
  const untilMs = newest.ended.stampMs + REPORT_WAIT_MS;
  return untilMs > nowMs ? untilMs : undefined;
}
