/**
 * Decides to wait no longer for an operation. What was done stays done, what is wanted stays
 * wanted.
 */
import type { CommandContext } from "./command.ts";
import { decided } from "./decision.ts";
import type { Decision } from "./decision.ts";
import type { OperationId } from "./names.ts";
import { showText } from "./names.ts";
import { rejected } from "./rejection.ts";
import type { StateView } from "./state.ts";

export function decideCancelOperation(
  view: StateView,
  id: OperationId,
  { actor }: CommandContext,
): Decision {
  const operation = view.operation(id);
  if (operation === undefined) {
    const hint = "operations are called op-1 and so on, old ones are dropped";
    const reason = `there is no operation ${showText(id)}; ${hint}`;
    return rejected("notFound", reason);
  }
  if (operation.status !== "running") {
    const end = operation.status === "succeeded" ? "succeeded" : "was cancelled";
    return rejected("failedPrecondition", `operation ${id} has ended: it ${end}`);
  }
  return decided([{ type: "operationCancelled", operation: id, reason: `cancelled by ${actor}` }]);
}
