/**
 * Whether an order has just succeeded and only its effect has not been reported yet.
 *
 * Without it the planner would order the same thing twice when a batch of facts ends between the
 * result of an action and the observation that belongs to it.
 */
import type { ActionState, Since, TargetKey } from "@atoll/domain";
import { REPORT_WAIT_MS } from "./bounds.ts";
import type { Look, Wish } from "./finding.ts";

/** Until when to wait for the report; undefined when none is owed. */
export function reportAwaitedUntilMs(
  look: Look,
  candidate: {
    readonly target: TargetKey;
    readonly wish: Wish;
    /** Of the specification that is wanted; empty for a removal. */
    readonly digest: string;
    readonly observed: { readonly since: Since } | undefined;
  },
): number | undefined {
  const action = newestFinished(look, candidate.target);
  if (action?.status !== "succeeded" || action.ended === undefined) return undefined;
  if (!isSameWork(action, candidate.wish, candidate.digest)) return undefined;
  // An observation since the order was planned is the report, good or bad.
  if (candidate.observed !== undefined && candidate.observed.since.index > action.planned.index) {
    return undefined;
  }
  const untilMs = action.ended.stampMs + REPORT_WAIT_MS;
  return untilMs > look.nowMs ? untilMs : undefined;
}

function newestFinished(look: Look, target: TargetKey): ActionState | undefined {
  const { finished } = look.node;
  for (let at = finished.length - 1; at >= 0; at -= 1) {
    const action = look.view.action(finished[at] as ActionState["id"]);
    if (action?.target === target) return action;
  }
  return undefined;
}

function isSameWork(action: ActionState, wish: Wish, digest: string): boolean {
  const { order } = action;
  switch (order.type) {
    case "writeFile":
      return wish.type === "writeFile" && order.file.digest === digest;
    case "startService":
    case "restartService":
      // Both leave a running instance of that specification behind.
      return wish.type !== "writeFile" && "service" in wish && order.service.digest === digest;
    case "removeFile":
    case "stopService":
      return wish.type === order.type;
  }
}
