/**
 * Plans, explanations and events as the text of a transcript.
 *
 * For tests of the planner only. Digests are left out, so that a transcript changes only when
 * what is decided does.
 */
import { type DomainEvent, type Order, type PlannerDecision, type Since } from "@atoll/domain";
import type { NodeExplanation, NodePlan, ReasonLine } from "../plan.ts";
import { subjectOf } from "../text.ts";

export function planText(plan: NodePlan, nowMs: number): string[] {
  const { state, reason, since } = plan.condition;
  const converged = plan.converged ? ", converged" : "";
  const lines = [`${plan.node} is ${state}${converged}: ${reason} (${sinceText(since)})`];
  for (const decision of plan.decisions) lines.push(`  ${decisionText(decision)}`);
  if (plan.wakeAtMs !== undefined) lines.push(`  look again in ${plan.wakeAtMs - nowMs} ms`);
  return lines;
}

export function explanationText(explanation: NodeExplanation, nowMs: number): string[] {
  const lines = planText(explanation.plan, nowMs);
  for (const { role, because, since } of explanation.roles) {
    lines.push(`role ${role} ${because} (${sinceText(since)})`);
  }
  lines.push(...reasonTexts("desired", explanation.desired));
  lines.push(...reasonTexts("observed", explanation.observed));
  lines.push(...reasonTexts("doing", explanation.doing));
  lines.push(...reasonTexts("waiting", explanation.waiting));
  return lines;
}

export function eventText(event: DomainEvent): string {
  switch (event.type) {
    case "actionPlanned": {
      const { action, order, cause, attempt } = event;
      const again = attempt > 1 ? ` attempt ${attempt}` : "";
      return `${action} ${orderText(order)}${again}, because ${cause.text} [${cause.index}]`;
    }
    case "actionTimedOut":
      return `${event.action} timed out`;
    case "serviceStatusChanged":
      return `${event.service.key} ${event.service.status} ${event.service.reason}`.trimEnd();
    case "fileStatusChanged":
      return `${event.file.path} ${event.file.status}`;
    case "operationStarted":
      return `operation ${event.operation}: ${event.description}`;
    case "operationSucceeded":
      return `operation ${event.operation} succeeded`;
    default:
      return event.type;
  }
}

function decisionText(decision: PlannerDecision): string {
  switch (decision.type) {
    case "plan": {
      const { order, attempt, timeoutMs, cause } = decision;
      const why = `because ${cause.text} [${cause.index}]`;
      return `${orderText(order)} attempt ${attempt} in ${timeoutMs} ms, ${why}`;
    }
    case "timeOut":
      return `time out ${decision.action}`;
    default:
      return decision.type;
  }
}

function orderText(order: Order): string {
  const text = `${order.type} ${subjectOf(order).replace("file ", "")}`;
  if (order.type === "writeFile") return `${text} ${JSON.stringify(order.file.content)}`;
  return "service" in order ? `${text} ${JSON.stringify(order.service.command)}` : text;
}

function reasonTexts(title: string, lines: readonly ReasonLine[]): string[] {
  return lines.map(({ subject, text, since, detail }) => {
    const when = since === undefined ? "" : ` (${sinceText(since)})`;
    const shown = detail.replaceAll(/digest [0-9a-f]{16}/g, "digest …");
    return `${title}: ${subject}: ${text}${when}${shown === "" ? "" : ` | ${shown}`}`;
  });
}

function sinceText({ index, stampMs }: Since): string {
  return `since ${index} at ${stampMs} ms`;
}
