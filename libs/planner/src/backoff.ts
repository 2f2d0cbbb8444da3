/**
 * When a target that failed is tried again.
 *
 * A pure function of the failures that the log knows, so a new leader waits exactly as long as
 * the old one would have.
 */
import type { FailureCount, NodeState, TargetKey } from "@atoll/domain";
import { BACKOFF_FIRST_MS, BACKOFF_MAX_MS } from "./bounds.ts";

/**
 * Milliseconds between the last of `count` failures in a row and the next try: 0, then 1 s, 2
 * s, 4 s … 60 s.
 */
export function backoffMs(count: number): number {
  if (count <= 1) return 0;
  // 2^6 s is past the maximum already; the bound keeps the power small.
  const doublings = Math.min(count - 2, 6);
  return Math.min(BACKOFF_FIRST_MS * 2 ** doublings, BACKOFF_MAX_MS);
}

/** The failures in a row of `target` that count for the specification with `digest`, if any. */
export function failuresOf(
  node: NodeState,
  target: TargetKey,
  digest: string,
): FailureCount | undefined {
  const failures = node.failures.get(target);
  return failures !== undefined && failures.digest === digest ? failures : undefined;
}

/** The moment of the next try after `failures`; undefined: at once. */
export function nextTryAtMs(failures: FailureCount | undefined): number | undefined {
  if (failures === undefined) return undefined;
  const waitMs = backoffMs(failures.count);
  return waitMs === 0 ? undefined : failures.last.stampMs + waitMs;
}
