/**
 * The operation that a command starts: the handle for what its nodes have yet to do.
 */
import type { DomainEvent, OperationKind } from "./event.ts";
import { decided } from "./decision.ts";
import type { Decision } from "./decision.ts";
import type { NodeName, OperationId } from "./names.ts";
import { rejected } from "./rejection.ts";
import { OPERATIONS_RUNNING_MAX } from "./state.ts";
import type { StateView } from "./state.ts";

export interface NewOperation {
  readonly kind: OperationKind;
  readonly description: string;
  /** Sorted. */
  readonly nodes: readonly NodeName[];
}

/** The events, followed by the start of an operation; refused when too many run. */
export function withOperation(
  view: StateView,
  events: readonly DomainEvent[],
  { kind, description, nodes }: NewOperation,
): Decision {
  if (view.runningOperationCount >= OPERATIONS_RUNNING_MAX) {
    const running = `${OPERATIONS_RUNNING_MAX} operations are running`;
    return rejected("resourceExhausted", `${running}, which is the most; cancel some`);
  }
  const operation = `op-${view.operationCount + 1}` as OperationId;
  return decided(
    [...events, { type: "operationStarted", operation, kind, description, nodes }],
    operation,
  );
}
