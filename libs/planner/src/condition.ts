/**
 * How a node is, in one word and one sentence.
 *
 * Precedence: lost, contested, suspected, maintenance, degraded, configuring, ready, discovered.
 */
import type { NodeState, Since, StateView } from "@atoll/domain";
import { conflictText, pauseText } from "@atoll/domain";
import { DEGRADED_AFTER_FAILURES } from "./bounds.ts";
import type { DesiredRole } from "./desired.ts";
import type { Finding, Findings, Look } from "./finding.ts";
import type { Condition, NodeCondition } from "./plan.ts";
import { counted, nextTryText } from "./text.ts";

/** Why nothing is ordered on a node whatever is the matter. */
export interface Hold {
  /** What the node is by it; undefined where it is not the node that is held. */
  readonly state: NodeCondition | undefined;
  readonly reason: string;
  readonly since: Since;
}

/** Undefined when nothing keeps the planner from it. */
export function holdOf(view: StateView, node: NodeState): Hold | undefined {
  if (node.presence === "lost") {
    const reason = "nothing is heard of it; nothing is ordered until it returns";
    return { state: "lost", reason, since: node.presenceSince };
  }
  if (node.conflict !== undefined) {
    const reason = `${conflictText(node.conflict)}; none is obeyed until one is heard alone`;
    return { state: "contested", reason, since: node.conflict.since };
  }
  if (node.presence === "suspected") {
    const reason = "it has fallen silent; nothing is ordered until it is heard again";
    return { state: "suspected", reason, since: node.presenceSince };
  }
  if (node.maintenance !== undefined) {
    const { reason, actor, since } = node.maintenance;
    return { state: "maintenance", reason: `${reason} (${actor})`, since };
  }
  if (view.pause !== undefined) {
    return { state: undefined, reason: pauseText(view.pause), since: view.pause.since };
  }
  return undefined;
}

export function conditionOf(look: Look, findings: Findings): Condition {
  const held = holdOf(look.view, look.node);
  if (held?.state !== undefined) return { ...held, state: held.state };
  const unsettled = findings.list.filter((finding) => finding.type !== "leave");
  const failing = unsettled.filter((finding) => isDegrading(finding));
  const suffix = held === undefined ? "" : `; held: ${held.reason}`;
  if (failing.length > 0) return fromFindings("degraded", look, failing, findings, suffix);
  if (unsettled.length > 0) return fromFindings("configuring", look, unsettled, findings, suffix);
  if (look.roles.length === 0) {
    const none = "no role is assigned to it and none matches";
    const reason = [none, ...leftTexts(findings)].join("; ");
    return { state: "discovered", reason, since: findings.settledSince };
  }
  return readyCondition(look.roles, findings);
}

/** Whether the finding's target has failed so often in a row that its node is degraded. */
function isDegrading(finding: Finding): boolean {
  return finding.failures !== undefined && finding.failures.count >= DEGRADED_AFTER_FAILURES;
}

function fromFindings(
  state: NodeCondition,
  look: Look,
  list: readonly Finding[],
  findings: Findings,
  suffix: string,
): Condition {
  const first = list[0] as Finding;
  const more = list.length > 1 ? ` (and ${list.length - 1} more)` : "";
  const reason = `${findingText(first, look.nowMs)}${more}${suffix}`;
  return { state, reason, since: first.since ?? findings.settledSince };
}

/** The finding's text with what follows from it at this moment. */
export function findingText(finding: Finding, nowMs: number): string {
  if (finding.type === "act" && finding.room !== undefined) {
    return `${finding.text}; ${finding.room}`;
  }
  if (finding.type !== "wait" || finding.untilMs === undefined) return finding.text;
  return `${finding.text}; ${nextTryText(finding.untilMs, nowMs)}`;
}

function readyCondition(roles: readonly DesiredRole[], findings: Findings): Condition {
  const since: Since = findings.settledSince;
  const leftAlone = new Set(findings.list.map(({ subject }) => subject));
  let services = 0;
  let files = 0;
  for (const { role } of roles) {
    services += role.services.length;
    for (const { target } of role.files) if (!leftAlone.has(target)) files += 1;
  }
  const healthy = services === 0 ? [] : [`${counted(services, "service")} healthy`];
  const inSync = files === 0 ? [] : [`${counted(files, "file")} in sync`];
  const well = [...healthy, ...inSync].join(", ");
  const reason = [...(well === "" ? [] : [well]), ...leftTexts(findings)].join("; ");
  return { state: "ready", reason: reason === "" ? "its roles want nothing" : reason, since };
}

/** What differs and is left so: the first of it, and how much more there is. */
function leftTexts(findings: Findings): readonly string[] {
  const [first, ...others] = findings.list;
  if (first === undefined) return [];
  return [`${first.text}${others.length > 0 ? ` (and ${others.length} more)` : ""}`];
}
