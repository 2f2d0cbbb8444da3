/**
 * Says of what could be done why it must wait for other nodes.
 *
 * A plan is of one node and holds all that is wanted now; how many nodes may be disrupted at the
 * same time is decided across nodes, when the leader decides on plans. Here is only told what that
 * will come to as things are, in texts and never in decisions.
 */
import type { DisruptionRefusal, NodeState, StateView, TargetKey } from "@atoll/domain";
import { refuseDisruption } from "@atoll/domain";
import { compareText } from "@atoll/stdx";
import type { Look, Wish } from "./finding.ts";
import { counted } from "./text.ts";

/** So many names are told, the others counted. */
const NAMES_MAX = 3;

/** What `wish` waits for on other nodes; undefined when there is room for it. */
export function roomText(look: Look, target: TargetKey, wish: Wish): string | undefined {
  if (!takesAway(look.node, wish)) return undefined;
  const refusal = refuseDisruption(look.view, look.node, target);
  return refusal === undefined ? undefined : refusalText(look.view, refusal);
}

function takesAway(node: NodeState, wish: Wish): boolean {
  switch (wish.type) {
    case "writeFile":
    case "removeFile":
      return false;
    case "stopService":
      return node.services.get(wish.key)?.status === "healthy";
    default:
      return node.services.get(wish.service.key)?.status === "healthy";
  }
}

function refusalText(view: StateView, refusal: DisruptionRefusal): string {
  if (refusal.type === "node") return `it waits until ${refusal.targets.join(", ")} is done`;
  if (refusal.type === "storm")
    return `it waits for the end of the storm in ${refusal.faultDomain}`;
  const { faultDomain, disrupted, most, nodes } = refusal;
  const names = [...view.disruptedNodes(faultDomain)].toSorted(compareText);
  const more = names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : "";
  const who = `${names.slice(0, NAMES_MAX).join(", ")}${more}`;
  const bound = `${disrupted} of ${counted(nodes, "node")} of ${faultDomain}, and ${most} may be`;
  return `it waits for ${who}: not well again are ${bound}`;
}
