/**
 * Decides what users ask of a node itself: its labels and location, and to forget it.
 */
import { canonicalJson } from "@atoll/stdx";
import { cancelAll } from "./cancel-all.ts";
import { checkLabels, checkLocation } from "./check-labels.ts";
import type { UserCommand } from "./command.ts";
import { decided, UNCHANGED } from "./decision.ts";
import type { Decision } from "./decision.ts";
import { findNode } from "./find.ts";
import type { NodeName } from "./names.ts";
import { rejected } from "./rejection.ts";
import type { Violation } from "./rejection.ts";
import type { Location } from "./role.ts";
import { withOperation } from "./start-operation.ts";
import type { NodeState, StateView } from "./state.ts";

type UpdateNode = Extract<UserCommand, { type: "updateNode" }>;

export function decideUpdateNode(view: StateView, command: UpdateNode): Decision {
  const found = findNode(view, command.node);
  if (found.type === "rejected") return found;
  const node = found.value;
  if (command.revision !== 0 && command.revision !== node.revision) {
    const revisions = `revision ${node.revision}, not ${command.revision}`;
    const reason = `node ${node.name} is at ${revisions}: read it again`;
    return rejected("aborted", reason);
  }
  const violations: Violation[] = [];
  const subject = node.name;
  if (command.labels !== undefined) {
    checkLabels(command.labels, (path, reason) =>
      violations.push({ subject, path: `labels${path}`, reason }),
    );
  }
  if (command.location !== undefined) {
    checkLocation(command.location, (path, reason) =>
      violations.push({ subject, path: `location${path}`, reason }),
    );
  }
  const [first] = violations;
  if (first !== undefined) return rejected("invalidArgument", first.reason, violations);
  const labels = command.labels ?? node.labels;
  const location = command.location ?? node.location;
  if (isEqual(labels, node.labels) && isEqual(location, node.location)) return UNCHANGED;
  const description = `update ${changesOf(node, labels, location)} of node ${node.name}`;
  return withOperation(view, [{ type: "nodeUpdated", node: node.name, labels, location }], {
    kind: "updateNode",
    description,
    nodes: [node.name],
  });
}

export function decideForgetNode(view: StateView, name: NodeName): Decision {
  const found = findNode(view, name);
  if (found.type === "rejected") return found;
  const node = found.value;
  if (node.presence !== "lost") {
    const rule = "only a lost node can be forgotten, stop its agent first";
    const reason = `node ${name} is ${node.presence}; ${rule}`;
    return rejected("failedPrecondition", reason);
  }
  return decided([
    ...cancelAll(node, "the node was forgotten"),
    { type: "nodeForgotten", node: name },
  ]);
}

function changesOf(
  node: NodeState,
  labels: Readonly<Record<string, string>>,
  location: Location,
): string {
  if (isEqual(labels, node.labels)) return "location";
  return isEqual(location, node.location) ? "labels" : "labels and location";
}

function isEqual(left: unknown, right: unknown): boolean {
  return canonicalJson(left) === canonicalJson(right);
}
