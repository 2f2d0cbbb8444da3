/**
 * How often the same order has succeeded lately and was needed again nevertheless.
 *
 * Somebody else may want a file otherwise, or stop a service, over and over. No order fails then,
 * so failures do not slow the two down; this does, with the same waits.
 */
import type { ActionState } from "@atoll/domain";
import { backoffMs } from "./backoff.ts";
import { REPETITION_GAP_MS } from "./bounds.ts";
import type { Candidate } from "./next-step.ts";
import { hasDone } from "./past-orders.ts";

export interface Repetition {
  /** Successes in a row, each needed again soon after the one before. */
  readonly count: number;
  /** When the next order may follow. */
  readonly nextAtMs: number;
}

/** Undefined when the order is new, or the last one long ago. `past` is newest first. */
export function repetitionOf(
  { wish, digest }: Candidate,
  past: readonly ActionState[],
): Repetition | undefined {
  let count = 0;
  let before: ActionState | undefined;
  for (const action of past) {
    if (action.ended === undefined || !hasDone(action, wish, digest)) break;
    const gapMs = before === undefined ? 0 : before.planned.stampMs - action.ended.stampMs;
    if (gapMs > REPETITION_GAP_MS) break;
    before = action;
    count += 1;
  }
  const endedMs = past[0]?.ended?.stampMs;
  if (count === 0 || endedMs === undefined) return undefined;
  return { count, nextAtMs: endedMs + backoffMs(count) };
}
