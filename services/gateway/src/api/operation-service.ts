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
import { compileFilter } from "../filter/compile.ts";
import { findOperation } from "./find.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { parseOperation } from "./parse-names.ts";
import { pageSizeOf, readPageToken, takePage } from "./pages.ts";
import { watchOperation } from "./watch-operation.ts";

export function operationService(parts: HandlerParts): OperationServiceServer {
  const { environment, islands } = parts;
  return {
    getOperation: unary(
      async ({ name }, context) => {
        const { island, name: id } = islands.locate(parseOperation(name));
        const { reads, mirror, operations } = island;
        await reads.begin(context.deadlineMs);
        return operations.render(findOperation(mirror, id));
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

/** The newest first. */
async function listOperations(
  { islands }: HandlerParts,
  request: ListOperationsRequest,
  context: CallContext,
): Promise<ListOperationsResponse> {
  const { reads, mirror, operations } = islands.one(request.parent);
  const keeps = compileFilter(request.filter, operations.filterFields());
  const list = ["operations", request.parent, request.filter];
  const after = readPageToken(request, list);
  const size = pageSizeOf(request);
  const asOf = await reads.begin(context.deadlineMs);
  const { datacenter } = mirror;
  const kept = [...datacenter.runningOperations(), ...datacenter.finishedOperations()]
    .filter((operation) => (after === undefined || keyOf(operation) < after) && keeps(operation))
    .toSorted((left, right) => (keyOf(left) < keyOf(right) ? 1 : -1));
  const page = takePage(kept, {
    size,
    list,
    keyOf,
    render: (operation) => operations.render(operation),
    bytesOf: (operation) => Operation.encode(operation).finish().length,
  });
  return {
    operations: page.items,
    nextPageToken: page.nextPageToken,
    asOf: [asOf],
  };
}

/** Operations are numbered in the order of their start. */
function keyOf({ id }: OperationState): string {
  return id.slice("op-".length).padStart(16, "0");
}
