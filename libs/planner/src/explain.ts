/**
 * Answers "why" for one node: what is wanted and by what, what is observed, what is being done,
 * and why the rest is not.
 *
 * Made of the same findings as the plan. For people and the API; never for decisions.
 */
import { describeDropped, FACT_LANES, type Since, sightsOf } from "@atoll/domain";
import { compareText, sortedEntries } from "@atoll/stdx";
import { becauseOf, roleSince } from "./cause.ts";
import { findingText, holdOf } from "./condition.ts";
import type { DesiredRole } from "./desired.ts";
import type { Finding, Findings, Look } from "./finding.ts";
import type { NodeExplanation, NodePlan, ReasonLine, RoleReason } from "./plan.ts";
import { nextTryText, withReason } from "./text.ts";

export function explain(look: Look, findings: Findings, plan: NodePlan): NodeExplanation {
  return {
    plan,
    roles: look.roles.map((wanted) => roleReason(look, wanted)),
    desired: look.roles.flatMap((wanted) => desiredLines(look, wanted)),
    observed: observedLines(look),
    doing: doingLines(look, findings, plan),
    waiting: waitingLines(look, findings),
  };
}

function roleReason(look: Look, wanted: DesiredRole): RoleReason {
  return {
    role: wanted.role.name,
    because: becauseOf(wanted.role.state.spec, look.node),
    since: roleSince(wanted, look.node),
  };
}

function desiredLines(look: Look, wanted: DesiredRole): ReasonLine[] {
  const { role } = wanted;
  const since = roleSince(wanted, look.node);
  const files = role.files.map((file): ReasonLine => {
    const { path, mode } = file.spec;
    const text = `file ${path} with mode ${mode}, by role ${role.name}`;
    return { subject: file.target, text, since, detail: digestText(wanted.fileDigests[file.at]) };
  });
  const services = role.services.map((service): ReasonLine => {
    const { spec } = service;
    const after = service.after.length === 0 ? "" : ` after ${service.after.join(", ")}`;
    const healthy = spec.health === undefined ? "running" : "healthy";
    const text = `${service.key} ${healthy}${after}, by driver ${spec.driver}`;
    const detail = digestText(wanted.serviceDigests[service.at]);
    return { subject: service.target, text, since, detail };
  });
  return [...files, ...services];
}

function digestText(digest: string | undefined): string {
  return digest === undefined ? "not rendered: a fact is missing" : `digest ${digest}`;
}

function observedLines(look: Look): ReasonLine[] {
  const { node } = look;
  const lines: ReasonLine[] = [];
  for (const lane of FACT_LANES) {
    const dropped = node.dropped?.get(lane);
    if (dropped === undefined) continue;
    const { count, last } = dropped;
    const text = `its agent lost ${describeDropped({ lane, count })} for want of room`;
    lines.push({ subject: "node", text, since: last, detail: "" });
  }
  for (const [path, file] of sortedEntries(node.files)) {
    const status = file.status === "inSync" ? "in sync" : file.status;
    const text = withReason(`file ${path} is ${status}`, file.reason);
    lines.push({ subject: `file:${path}`, text, since: file.since, detail: file.diff });
  }
  for (const [key, service] of sortedEntries(node.services)) {
    const pid = service.pid === 0 ? "" : ` with pid ${service.pid}`;
    const status = service.status === "crashed" ? "has crashed" : `is ${service.status}`;
    const text = withReason(`${key} ${status}${pid}`, service.reason);
    const detail = `digest ${service.digest}`;
    lines.push({ subject: `service:${key}`, text, since: service.since, detail });
  }
  return lines;
}

function doingLines(look: Look, findings: Findings, plan: NodePlan): ReasonLine[] {
  const lines: ReasonLine[] = [];
  for (const finding of findings.list) {
    if (finding.type !== "open") continue;
    const { action } = finding;
    const attempt = action.attempt > 1 ? ` (attempt ${action.attempt})` : "";
    const text = `${finding.text}${attempt}, action ${action.id}`;
    const left = nextTryText(action.deadlineMs, look.nowMs).replace("next try", "it times out");
    const detail = `${action.cause.text}; ${left}`;
    lines.push({ subject: action.target, text, since: action.planned, detail });
  }
  const waiting = new Set<string>();
  for (const finding of findings.list) {
    if (finding.type === "act" && finding.room !== undefined) waiting.add(finding.subject);
  }
  for (const decision of plan.decisions) {
    if (decision.type !== "plan" || waiting.has(decision.target)) continue;
    const attempt = decision.attempt > 1 ? `, attempt ${decision.attempt}` : "";
    const text = `to be ordered now: ${decision.order.type}${attempt}`;
    lines.push({ subject: decision.target, text, detail: decision.cause.text });
  }
  return lines;
}

function waitingLines(look: Look, findings: Findings): ReasonLine[] {
  const { node } = look;
  const lines: ReasonLine[] = [];
  const held = holdOf(look.view, node);
  if (held !== undefined) {
    const text = `${held.state ?? "held"}: ${held.reason}`;
    lines.push({ subject: "node", text, since: held.since, detail: "" });
  }
  for (const { domain, silent, nodes, since } of sightsOf(look.view, node)) {
    const text = `sight of ${domain} is lost: ${silent} of ${nodes} nodes fell silent together`;
    const detail = "a silent node of it is not called lost before the cause has had its time";
    lines.push({ subject: "node", text, since, detail });
  }
  for (const role of node.assignedRoles.toSorted(compareText)) {
    if (look.view.role(role) !== undefined) continue;
    const text = `role ${role} is assigned, but there is no such role`;
    lines.push({ subject: "node", text, detail: "" });
  }
  for (const finding of findings.list) {
    if (finding.type === "open") continue;
    if (finding.type === "act" && finding.room === undefined && held === undefined) continue;
    lines.push(waitingLine(finding, look.nowMs));
  }
  return lines;
}

function waitingLine(finding: Finding, nowMs: number): ReasonLine {
  const { subject, detail } = finding;
  const since: Since | undefined = finding.since;
  const text = findingText(finding, nowMs);
  return since === undefined ? { subject, text, detail } : { subject, text, since, detail };
}
