/**
 * Counting failures in a row, for backoff and for the judgement `degraded`.
 *
 * One attempt to have something right counts at most once, however many signs it leaves. The rules:
 * - A service that turns crashed or unhealthy counts one. Going from one of these to another counts
 *   only when a start ended in between. It does not count while a stop is ordered, nor when a
 *   failed action was counted after the service was last seen otherwise: those are two signs of one
 *   failure.
 * - A failed or timed-out action counts one, unless a failure of its target was counted since it
 *   was planned.
 * - Counting begins anew, at 1, with another digest, and when a service fails that had been healthy
 *   for {@link STABLE_MS}.
 * - The count is dropped when another digest is ordered, when an action on a file succeeds, when a
 *   service was stopped as ordered, and when the service or file is forgotten. It is kept while a
 *   service is healthy: a service that runs for a moment has not recovered.
 */
import { mapOrEmpty } from "./empty-map.ts";
import type { ServiceObservation } from "./fact.ts";
import type { TargetKey } from "./names.ts";
import { serviceTarget } from "./names.ts";
import type { Order } from "./order.ts";
import type {
  ActionState,
  FailureCount,
  NodeState,
  ObservedService,
  Since,
  StateView,
} from "./state.ts";

/** A service that has been healthy for so long has recovered from what was before. */
export const STABLE_MS = 60_000;

type Failures = ReadonlyMap<TargetKey, FailureCount>;

/** The digest that an order works towards; empty when it removes. */
export function digestOf(order: Order): string {
  switch (order.type) {
    case "writeFile":
      return order.file.digest;
    case "startService":
    case "restartService":
      return order.service.digest;
    case "removeFile":
    case "stopService":
      return "";
  }
}

/** The failures of `node` after a service was seen as `seen`. */
export function failuresAfterObservation(
  view: StateView,
  node: NodeState,
  seen: ServiceObservation,
  since: Since,
): Failures {
  if (!isFailing(seen)) return node.failures;
  const target = serviceTarget(seen.key);
  const previous = node.services.get(seen.key);
  if (!isNewFailure(view, node, target, previous)) return node.failures;
  const stable =
    previous?.status === "healthy" && since.stampMs - previous.since.stampMs >= STABLE_MS;
  const failure = { digest: seen.digest, reason: seen.reason, last: since };
  return withFailure(
    stable ? withoutFailure(node.failures, target) : node.failures,
    target,
    failure,
  );
}

/** The failures of the action's node after it failed or timed out. */
export function failuresAfterAction(
  node: NodeState,
  action: ActionState,
  reason: string,
  since: Since,
): Failures {
  const counted = node.failures.get(action.target);
  const digest = digestOf(action.order);
  if (counted?.digest === digest && counted.last.index >= action.planned.index)
    return node.failures;
  return withFailure(node.failures, action.target, { digest, reason, last: since });
}

export function withoutFailure(failures: Failures, target: TargetKey): Failures {
  if (!failures.has(target)) return failures;
  const rest = new Map(failures);
  rest.delete(target);
  return mapOrEmpty(rest);
}

/**
 * Whether an action that starts the service ended after `index`: what is seen from then on is
 * another run.
 */
export function startEndedSince(
  view: StateView,
  node: NodeState,
  target: TargetKey,
  index: number,
): boolean {
  return node.finished.some((id) => {
    const action = view.action(id);
    return (
      action?.target === target &&
      action.ended !== undefined &&
      action.ended.index > index &&
      action.status !== "cancelled" &&
      startsService(action.order)
    );
  });
}

function isNewFailure(
  view: StateView,
  node: NodeState,
  target: TargetKey,
  previous: ObservedService | undefined,
): boolean {
  const open = node.open.get(target);
  const underWay = open === undefined ? undefined : view.action(open);
  if (underWay?.order.type === "stopService") return false;
  const seenAt = previous?.since.index ?? 0;
  if (
    previous !== undefined &&
    isFailing(previous) &&
    !startEndedSince(view, node, target, seenAt)
  ) {
    return false;
  }
  const counted = node.failures.get(target);
  if (counted === undefined || counted.last.index < seenAt) return true;
  const { index } = counted.last;
  return !failedAt(view, node, target, index) || startEndedSince(view, node, target, index);
}

/** Whether an action on the target failed or timed out by the log entry at `index`. */
function failedAt(view: StateView, node: NodeState, target: TargetKey, index: number): boolean {
  return node.finished.some((id) => {
    const action = view.action(id);
    return (
      action?.target === target &&
      action.ended?.index === index &&
      (action.status === "failed" || action.status === "timedOut")
    );
  });
}

function withFailure(
  failures: Failures,
  target: TargetKey,
  failure: Omit<FailureCount, "count">,
): Failures {
  const before = failures.get(target);
  const count = before?.digest === failure.digest ? before.count + 1 : 1;
  return new Map(failures).set(target, { count, ...failure });
}

function isFailing(service: ServiceObservation): boolean {
  return service.status === "crashed" || service.status === "unhealthy";
}

function startsService(order: Order): boolean {
  return order.type === "startService" || order.type === "restartService";
}
