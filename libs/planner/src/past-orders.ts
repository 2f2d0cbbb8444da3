/**
 * What was ordered for a target before, as far as the state still keeps it.
 *
 * A node keeps its newest finished actions only, so this looks back a little and never far.
 */
import type { ActionState, TargetKey } from "@atoll/domain";
import type { Look, Wish } from "./finding.ts";

/** Finished actions for `target`, newest first. */
export function finishedActions(look: Look, target: TargetKey): readonly ActionState[] {
  const actions: ActionState[] = [];
  const { finished } = look.node;
  for (let at = finished.length - 1; at >= 0; at -= 1) {
    const action = look.view.action(finished[at] as ActionState["id"]);
    if (action?.target === target) actions.push(action);
  }
  return actions;
}

/** Whether `action` succeeded in what `wish` asks for; `digest` is the one that is wanted. */
export function hasDone(action: ActionState, wish: Wish, digest: string): boolean {
  if (action.status !== "succeeded") return false;
  const { order } = action;
  switch (order.type) {
    case "writeFile":
      return wish.type === "writeFile" && order.file.digest === digest;
    case "startService":
    case "restartService":
      // Both leave a running instance of that specification behind.
      return "service" in wish && order.service.digest === digest;
    case "removeFile":
    case "stopService":
      return wish.type === order.type;
  }
}
