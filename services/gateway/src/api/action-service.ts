/**
 * `atoll.v1.ActionService` and its answers: units of work and their causes.
 */
import type { ActionState } from "@atoll/domain";
import {
  Action,
  type ActionServiceServer,
  type ListActionsRequest,
  type ListActionsResponse,
} from "@atoll/proto/atoll/v1/action";
import { type CallContext, unary } from "@atoll/service-kit";
import { compileFilter } from "../filter/compile.ts";
import { actionFilterFields, renderAction } from "./action-view.ts";
import { checkReason } from "./check-reason.ts";
import { findAction } from "./find.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { parseAction } from "./parse-names.ts";
import { pageSizeOf, readPageToken, takePage } from "./pages.ts";

export function actionService(parts: HandlerParts): ActionServiceServer {
  const { environment, islands } = parts;
  return {
    getAction: unary(
      async ({ name }, context) => {
        const { island, name: id } = islands.locate(parseAction(name));
        const { mirror, names } = island;
        await island.reads.begin(context.deadlineMs);
        return renderAction(mirror.datacenter, findAction(mirror, id), names);
      },
      { method: "ActionService/GetAction", environment },
    ),
    cancelAction: unary(
      async ({ name, reason, requestId }, context) => {
        const { island, name: action } = islands.locate(parseAction(name));
        const { mirror, names } = island;
        checkReason(reason);
        const command = { $case: "cancelAction", value: { action, reason } } as const;
        await island.writes.submit(context, { command, requestId });
        return renderAction(mirror.datacenter, findAction(mirror, action), names);
      },
      { method: "ActionService/CancelAction", environment },
    ),
    listActions: unary((request, context) => listActions(parts, request, context), {
      method: "ActionService/ListActions",
      environment,
    }),
  };
}

/** The newest first. */
async function listActions(
  { islands }: HandlerParts,
  request: ListActionsRequest,
  context: CallContext,
): Promise<ListActionsResponse> {
  const { names, reads, mirror } = islands.one(request.parent);
  const keeps = compileFilter(request.filter, actionFilterFields(names));
  const list = ["actions", request.parent, request.filter];
  const after = readPageToken(request, list);
  const size = pageSizeOf(request);
  const asOf = await reads.begin(context.deadlineMs);
  const kept: ActionState[] = [];
  for (const node of mirror.datacenter.nodes()) {
    for (const id of [...node.finished, ...node.open.values()]) {
      const action = mirror.datacenter.action(id);
      if (action === undefined || (after !== undefined && keyOf(action) >= after)) continue;
      if (keeps(action)) kept.push(action);
    }
  }
  kept.sort((left, right) => (keyOf(left) < keyOf(right) ? 1 : -1));
  const page = takePage(kept, {
    size,
    list,
    keyOf,
    render: (action) => renderAction(mirror.datacenter, action, names),
    bytesOf: (action) => Action.encode(action).finish().length,
  });
  return {
    actions: page.items,
    nextPageToken: page.nextPageToken,
    asOf: [asOf],
  };
}

/** Sorts by the index at which it was planned, then by id. */
function keyOf(action: ActionState): string {
  return `${String(action.planned.index).padStart(16, "0")}/${action.id}`;
}
