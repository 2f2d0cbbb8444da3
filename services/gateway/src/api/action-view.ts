/**
 * Actions as the API shows them.
 */
import { toProtoOrder } from "@atoll/codec";
import { type ActionState, type ActionStatus, cancellationOf, type StateView } from "@atoll/domain";
import { type Action, ActionStatus as ProtoActionStatus } from "@atoll/proto/atoll/v1/action";
import type { FilterField } from "../filter/fields.ts";
import type { ResourceNames } from "./resource-names.ts";
import { sinceOf } from "./time.ts";

const STATUSES: Readonly<Record<ActionStatus, ProtoActionStatus>> = {
  planned: ProtoActionStatus.ACTION_STATUS_PLANNED,
  succeeded: ProtoActionStatus.ACTION_STATUS_SUCCEEDED,
  failed: ProtoActionStatus.ACTION_STATUS_FAILED,
  timedOut: ProtoActionStatus.ACTION_STATUS_TIMED_OUT,
  cancelled: ProtoActionStatus.ACTION_STATUS_CANCELLED,
};

export function renderAction(view: StateView, action: ActionState, names: ResourceNames): Action {
  const cancellation = cancellationOf(view, action);
  return {
    name: names.action(action.id),
    node: names.node(action.node),
    target: action.target,
    order: toProtoOrder(action.order),
    status: STATUSES[action.status],
    cause: action.cause.text,
    causeIndex: action.cause.index,
    attempt: action.attempt,
    generation: action.generation,
    planned: sinceOf(action.planned),
    ended: action.ended === undefined ? undefined : sinceOf(action.ended),
    reason: action.reason,
    durationMs: action.durationMs,
    cancellation:
      cancellation === undefined
        ? undefined
        : {
            reason: cancellation.reason,
            actor: cancellation.actor,
            requested: sinceOf(cancellation.since),
          },
  };
}

/** What actions may be filtered by. */
export function actionFilterFields(names: ResourceNames): readonly FilterField<ActionState>[] {
  return [
    { name: "name", kind: { type: "text" }, read: (action) => names.action(action.id) },
    { name: "node", kind: { type: "text" }, read: (action) => names.node(action.node) },
    { name: "target", kind: { type: "text" }, read: (action) => action.target },
    { name: "order", kind: { type: "text" }, read: (action) => action.order.type },
    {
      name: "status",
      kind: {
        type: "choice",
        values: ["PLANNED", "SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELLED"],
        prefix: "ACTION_STATUS_",
      },
      read: ({ status }) => (status === "timedOut" ? "TIMED_OUT" : status.toUpperCase()),
    },
    { name: "attempt", kind: { type: "number" }, read: (action) => action.attempt },
    { name: "reason", kind: { type: "text" }, read: (action) => action.reason },
    { name: "planned", kind: { type: "time" }, read: (action) => action.planned.stampMs },
  ];
}
