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
import { compareText } from "@atoll/stdx";
import { compileFilter, type Filter } from "../filter/compile.ts";
import type { Island } from "../islands/island.ts";
import { actionFilterFields, renderAction } from "./action-view.ts";
import { beginRead } from "./begin-read.ts";
import { checkReason } from "./check-reason.ts";
import { findAction } from "./find.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { listOver } from "./list-over.ts";
import { parseAction } from "./parse-names.ts";

export function actionService(parts: HandlerParts): ActionServiceServer {
  const { environment, islands } = parts;
  return {
    getAction: unary(
      async ({ name }, context) => {
        const { island, name: id } = islands.locate(parseAction(name));
        const { mirror, names } = island;
        await beginRead(island, context);
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

/** By datacenter, and in each the newest first. */
async function listActions(
  parts: HandlerParts,
  request: ListActionsRequest,
  context: CallContext,
): Promise<ListActionsResponse> {
  const { parent, filter } = request;
  const islands = parts.islands.under(parent);
  const filters = new Map<Island, Filter<ActionState>>(
    islands.map((island) => [island, compileFilter(filter, actionFilterFields(island.names))]),
  );
  const page = await listOver(
    islands,
    { request, context },
    {
      list: ["actions", parent, filter],
      items: (island, after) => actionsOf(island, filters.get(island), after),
      keyOf,
      render: ({ mirror, names }, action) => renderAction(mirror.datacenter, action, names),
      bytesOf: (action) => Action.encode(action).finish().length,
    },
  );
  return { actions: page.items, nextPageToken: page.nextPageToken, asOf: page.asOf };
}

function actionsOf(
  { mirror }: Island,
  keeps: Filter<ActionState> | undefined,
  after: string | undefined,
): ActionState[] {
  const kept: ActionState[] = [];
  for (const node of mirror.datacenter.nodes()) {
    for (const id of [...node.finished, ...node.open.values()]) {
      const action = mirror.datacenter.action(id);
      if (action === undefined || (after !== undefined && keyOf(action) >= after)) continue;
      if (keeps?.(action) === true) kept.push(action);
    }
  }
  return kept.toSorted((left, right) => compareText(keyOf(right), keyOf(left)));
}

/** Sorts by the index at which it was planned, then by id. */
function keyOf(action: ActionState): string {
  return `${String(action.planned.index).padStart(16, "0")}/${action.id}`;
}
