/**
 * What events make of operations and of remembered requests: both are kept up to a bound, the
 * oldest go first.
 */
import type { DomainEvent, OperationEvent } from "./event.ts";
import { OPERATIONS_FINISHED_MAX, REQUESTS_MAX } from "./state.ts";
import type { Since, StateStore } from "./state.ts";

type Started = Extract<OperationEvent, { type: "operationStarted" }>;

export function evolveOperationStarted(
  store: StateStore,
  event: Started,
  since: Since,
  actor: string,
): void {
  if (store.operation(event.operation) !== undefined) return;
  const { operation: id, kind, description, nodes } = event;
  store.setOperationCount(store.operationCount + 1);
  store.setOperation(id, {
    id,
    kind,
    description,
    nodes,
    actor,
    status: "running",
    started: since,
    reason: "",
  });
}

export function evolveOperationEnded(
  store: StateStore,
  event: Exclude<OperationEvent, Started>,
  since: Since,
): void {
  const operation = store.operation(event.operation);
  if (operation === undefined || operation.status !== "running") return;
  const cancelled = event.type === "operationCancelled";
  store.setOperation(event.operation, {
    ...operation,
    status: cancelled ? "cancelled" : "succeeded",
    reason: cancelled ? event.reason : "",
    ended: since,
  });
  if (store.finishedOperationCount() <= OPERATIONS_FINISHED_MAX) return;
  const oldest = store.oldestFinishedOperation();
  if (oldest !== undefined) store.setOperation(oldest, undefined);
}

export function evolveRequest(
  store: StateStore,
  event: Extract<DomainEvent, { type: "requestRecorded" }>,
  since: Since,
): void {
  const { requestId, digest, operation } = event;
  store.setRequest(requestId, { requestId, digest, operation, since });
  if (store.requestCount() <= REQUESTS_MAX) return;
  const oldest = store.oldestRequest();
  if (oldest !== undefined) store.setRequest(oldest, undefined);
}
