/**
 * `atoll.v1.OperationService`: handles of what takes time.
 */
import type { OperationState } from "@atoll/domain";
import {
  type ListOperationsRequest,
  type ListOperationsResponse,
  Operation,
  type OperationServiceServer,
} from "@atoll/proto/atoll/v1/operation";
import { type CallContext, serverStreaming, unary } from "@atoll/service-kit";
import { compareText } from "@atoll/stdx";
import { compileFilter, type Filter } from "../filter/compile.ts";
import type { Island } from "../islands/island.ts";
import { beginRead } from "./begin-read.ts";
import { findOperation } from "./find.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { listOver } from "./list-over.ts";
import { parseOperation } from "./parse-names.ts";
import { watchOperation } from "./watch-operation.ts";

export function operationService(parts: HandlerParts): OperationServiceServer {
  const { environment, islands } = parts;
  return {
    getOperation: unary(
      async ({ name }, context) => {
        const { island, name: id } = islands.locate(parseOperation(name));
        await beginRead(island, context);
        return island.operations.render(findOperation(island.mirror, id));
      },
      { method: "OperationService/GetOperation", environment },
    ),
    listOperations: unary((request, context) => listOperations(parts, request, context), {
      method: "OperationService/ListOperations",
      environment,
    }),
    watchOperation: serverStreaming(
      (request, context, stream) => watchOperation(parts, request, context, stream),
      { method: "OperationService/WatchOperation", environment },
    ),
    cancelOperation: unary(
      async ({ name, requestId }, context) => {
        const { island, name: id } = islands.locate(parseOperation(name));
        const { mirror, operations, writes } = island;
        const { index } = await writes.submit(context, {
          command: { $case: "cancelOperation", value: { operation: id } },
          requestId,
        });
        return operations.render(findOperation(mirror, id), index);
      },
      { method: "OperationService/CancelOperation", environment },
    ),
  };
}

/** By datacenter, and in each the newest first. */
async function listOperations(
  parts: HandlerParts,
  request: ListOperationsRequest,
  context: CallContext,
): Promise<ListOperationsResponse> {
  const { parent, filter } = request;
  const islands = parts.islands.under(parent);
  const filters = new Map<Island, Filter<OperationState>>(
    islands.map((island) => [island, compileFilter(filter, island.operations.filterFields())]),
  );
  const page = await listOver(
    islands,
    { request, context },
    {
      list: ["operations", parent, filter],
      items: (island, after) => operationsOf(island, filters.get(island), after),
      keyOf,
      render: ({ operations }, operation) => operations.render(operation),
      bytesOf: (operation) => Operation.encode(operation).finish().length,
    },
  );
  return { operations: page.items, nextPageToken: page.nextPageToken, asOf: page.asOf };
}

function operationsOf(
  { mirror }: Island,
  keeps: Filter<OperationState> | undefined,
  after: string | undefined,
): OperationState[] {
  const { datacenter } = mirror;
  return [...datacenter.runningOperations(), ...datacenter.finishedOperations()]
    .filter((one) => (after === undefined || keyOf(one) < after) && keeps?.(one) === true)
    .toSorted((left, right) => compareText(keyOf(right), keyOf(left)));
}

/** Operations are numbered in the order of their start. */
function keyOf({ id }: OperationState): string {
  return id.slice("op-".length).padStart(16, "0");
}
