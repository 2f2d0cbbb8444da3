/**
 * Everything on one node that is not as it should be.
 *
 * Reads the view and nothing else; the same view and moment give the same findings in the same
 * order: what is under way, then role by role, then what is to be removed.
 */
import { type ActionState, digestOf, type NodeState } from "@atoll/domain";
import { ACTIONS_OPEN_PER_NODE_MAX } from "./bounds.ts";
import { assessRemoval } from "./assess-removal.ts";
import { assessRole } from "./assess-role.ts";
import { failuresOf } from "./backoff.ts";
import { roleSince } from "./cause.ts";
import { type Finding, type Findings, laterSince, type Look } from "./finding.ts";
import { failuresText, orderText, subjectOf } from "./text.ts";

export function assess(look: Look): Findings {
  const { node } = look;
  const findings: Findings = {
    list: [],
    settledSince: node.discovered,
    servicesKnown: 0,
    filesKnown: 0,
  };
  for (const id of node.open.values()) {
    const action = look.view.action(id);
    if (action !== undefined) findings.list.push(underWay(node, action));
  }
  for (const wanted of look.roles) {
    findings.settledSince = laterSince(findings.settledSince, roleSince(wanted, node));
    assessRole(look, wanted, findings);
  }
  const { servicesKnown, filesKnown } = findings;
  if (servicesKnown < node.services.size || filesKnown < node.files.size) {
    assessRemoval(look, findings);
  }
  limitActs(node, findings.list);
  return findings;
}

function underWay(node: NodeState, action: ActionState): Finding {
  const failures = failuresOf(node, action.target, digestOf(action.order));
  const cancelled = node.withheld.get(action.target);
  const asked = cancelled?.action === action.id ? `, which ${cancelled.actor} asked to cancel` : "";
  const doing = `${orderText(action.order)}${asked}`;
  const before =
    failures === undefined ? "" : `${failuresText(subjectOf(action.order), failures)}; `;
  return {
    type: "open",
    subject: action.target,
    text: `${before}${doing}`,
    detail: action.cause.text,
    since: action.planned,
    failures,
    action,
  };
}

/** Beyond the bound of actions under way, what could be done waits for its turn. */
function limitActs(node: NodeState, list: Finding[]): void {
  let free = ACTIONS_OPEN_PER_NODE_MAX - node.open.size;
  for (const [at, finding] of list.entries()) {
    if (finding.type !== "act") continue;
    free -= 1;
    if (free >= 0) continue;
    const { subject, detail, since, failures } = finding;
    const text = `${finding.text}; it waits for ${ACTIONS_OPEN_PER_NODE_MAX} other actions`;
    list[at] = { type: "wait", subject, text, detail, since, failures, untilMs: undefined };
  }
}
