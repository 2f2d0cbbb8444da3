/**
 * Decides about maintenance: the time in which a node is observed and never acted upon.
 */
import { cancelAll } from "./cancel-all.ts";
import type { UserCommand } from "./command.ts";
import { decided, UNCHANGED } from "./decision.ts";
import type { Decision } from "./decision.ts";
import { findNode } from "./find.ts";
import type { NodeName } from "./names.ts";
import { refuseReason } from "./pause.ts";
import { rejected } from "./rejection.ts";
import { withOperation } from "./start-operation.ts";
import type { StateView } from "./state.ts";

type StartMaintenance = Extract<UserCommand, { type: "startMaintenance" }>;

/** In maintenance already: the new reason replaces the old one. */
export function decideStartMaintenance(view: StateView, command: StartMaintenance): Decision {
  const found = findNode(view, command.node);
  if (found.type === "rejected") return found;
  const node = found.value;
  const reason = command.reason.trim();
  const refusal = refuseReason("maintenance", node.name, reason);
  if (refusal !== undefined) return refusal;
  if (node.maintenance?.reason === reason) return UNCHANGED;
  return decided([
    ...cancelAll(node, `maintenance: ${reason}`),
    { type: "maintenanceStarted", node: node.name, reason },
  ]);
}

export function decideEndMaintenance(view: StateView, name: NodeName): Decision {
  const found = findNode(view, name);
  if (found.type === "rejected") return found;
  if (found.value.maintenance === undefined) {
    return rejected("failedPrecondition", `node ${name} is not in maintenance`);
  }
  return withOperation(view, [{ type: "maintenanceEnded", node: name }], {
    kind: "endMaintenance",
    description: `end maintenance of node ${name}`,
    nodes: [name],
  });
}
