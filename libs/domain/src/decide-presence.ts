/**
 * Takes the detector's word on which nodes are silent and which are back.
 *
 * Only changes are recorded. A lost node is not merely suspected any more. A forgotten node that is
 * heard of again is discovered anew.
 */
import type { InternalCommand } from "./command.ts";
import { decided, UNCHANGED } from "./decision.ts";
import type { Decision } from "./decision.ts";
import type { StateView } from "./state.ts";

type ReportPresence = Extract<InternalCommand, { type: "reportPresence" }>;

export function decideReportPresence(view: StateView, report: ReportPresence): Decision {
  const { node: name, presence, silentMs } = report;
  const node = view.node(name);
  if (node === undefined) return presence === "alive" ? discoverAgain(view, report) : UNCHANGED;
  if (node.presence === presence) return UNCHANGED;
  switch (presence) {
    case "alive":
      return decided([{ type: "nodeReturned", node: name }]);
    case "suspected":
      return node.presence === "lost"
        ? UNCHANGED
        : decided([{ type: "nodeSuspected", node: name, silentMs }]);
    case "lost":
      return decided([{ type: "nodeLost", node: name, silentMs }]);
  }
}

function discoverAgain(view: StateView, { node }: ReportPresence): Decision {
  const kept = view.forgottenNode(node);
  if (kept === undefined) return UNCHANGED;
  const { incarnation, labels } = kept;
  return decided([{ type: "nodeDiscovered", node, incarnation, labels }]);
}
