/**
 * Takes back an action that a user does not want carried out.
 *
 * It is cancelled for good once its agent has said that it did not begin and never will. What has
 * begun is not torn off half-way: it ends as it does, and its result is taken in. In both cases its
 * target is withheld: nothing is ordered for it until what is wanted or seen of it changes, or
 * maintenance of the node ends. Otherwise the planner would want the same at once.
 */
import type { UserCommand } from "./command.ts";
import { decided, UNCHANGED } from "./decision.ts";
import type { Decision } from "./decision.ts";
import type { ActionEvent } from "./event.ts";
import { digestOf } from "./failures.ts";
import type { TargetKey } from "./names.ts";
import { showText } from "./names.ts";
import { refuseReason } from "./pause.ts";
import { rejected } from "./rejection.ts";
import type { ActionState, NodeState, Since, StateStore, StateView, Withheld } from "./state.ts";

/** Past it the target withheld longest ago is withheld no more. */
export const WITHHELD_PER_NODE_MAX = 256;

type CancelAction = Extract<UserCommand, { type: "cancelAction" }>;

/** Asked for already: another reason replaces the first. */
export function decideCancelAction(view: StateView, command: CancelAction): Decision {
  const action = view.action(command.action);
  if (action === undefined) {
    const hint = "actions are called n1-17 and so on, finished ones are kept for a while";
    return rejected("notFound", `there is no action ${showText(command.action)}; ${hint}`);
  }
  const reason = command.reason.trim();
  const refusal = refuseReason("a cancellation", action.id, reason);
  if (refusal !== undefined) return refusal;
  if (action.status !== "planned") {
    return rejected("failedPrecondition", `action ${action.id} has ended: ${endText(action)}`);
  }
  if (cancellationOf(view, action)?.reason === reason) return UNCHANGED;
  return decided([{ type: "actionCancelRequested", node: action.node, action: action.id, reason }]);
}

/** Who asked to cancel the action, if anybody did. */
export function cancellationOf(view: StateView, action: ActionState): Withheld | undefined {
  const withheld = view.node(action.node)?.withheld.get(action.target);
  return withheld?.action === action.id ? withheld : undefined;
}

export function evolveCancelRequested(
  store: StateStore,
  event: Extract<ActionEvent, { type: "actionCancelRequested" }>,
  since: Since,
  actor: string,
): void {
  const action = store.action(event.action);
  const node = store.node(event.node);
  if (action === undefined || node === undefined || action.status !== "planned") return;
  const withheld = new Map(node.withheld);
  withheld.delete(action.target);
  withheld.set(action.target, {
    action: action.id,
    digest: digestOf(action.order),
    reason: event.reason,
    actor,
    since,
  });
  for (const oldest of withheld.keys()) {
    if (withheld.size <= WITHHELD_PER_NODE_MAX) break;
    withheld.delete(oldest);
  }
  store.setNode(node.name, { ...node, withheld });
}

/** The targets still withheld once `target` is acted upon again or gone. */
export function withoutWithheld(node: NodeState, target: TargetKey): NodeState["withheld"] {
  if (!node.withheld.has(target)) return node.withheld;
  const rest = new Map(node.withheld);
  rest.delete(target);
  return rest;
}

function endText({ status, reason }: ActionState): string {
  switch (status) {
    case "succeeded":
      return "it succeeded";
    case "failed":
      return `it failed: ${reason}`;
    case "timedOut":
      return "it gave no result before its deadline";
    default:
      return `it was cancelled: ${reason}`;
  }
}
