/**
 * Checks a plan against rules that every plan keeps, from the state alone.
 *
 * Written apart from the planner and sharing none of its code, so that the two can disagree. Run
 * on every plan in the simulator and in tests; an empty answer means that nothing was found.
 */
import {
  digestOf,
  fileTarget,
  hasRole,
  type NodeState,
  type Order,
  type PlannerDecision,
  type RoleSpec,
  type ServiceKey,
  serviceKey,
  serviceTarget,
  type StateView,
  type TargetKey,
} from "@atoll/domain";
import { ACTIONS_OPEN_PER_NODE_MAX, BACKOFF_FIRST_MS, BACKOFF_MAX_MS } from "./bounds.ts";
import type { NodePlan } from "./plan.ts";

type Planned = Extract<PlannerDecision, { type: "plan" }>;

/** The rules that `plan`, made at `nowMs` on `view`, breaks; a sentence each. */
export function lintPlan(view: StateView, plan: NodePlan, nowMs: number): readonly string[] {
  const problems: string[] = [];
  const node = view.node(plan.node);
  if (node === undefined) {
    if (plan.decisions.length > 0) problems.push("decisions for a node that does not exist");
    return problems;
  }
  problems.push(...lintWhole(view, node, plan, nowMs));
  const seen = new Set<string>();
  for (const decision of plan.decisions) {
    const subject = subjectOf(view, decision);
    if (seen.has(subject)) problems.push(`two decisions for ${subject}`);
    seen.add(subject);
    problems.push(...lintDecision(view, node, decision, nowMs));
  }
  return problems;
}

function lintWhole(view: StateView, node: NodeState, plan: NodePlan, nowMs: number): string[] {
  const problems: string[] = [];
  const orders = plan.decisions.filter((decision) => decision.type === "plan").length;
  const busy = plan.decisions.some((decision) => decision.type !== "settle");
  if (plan.converged && busy) problems.push("converged, yet something to do");
  if (plan.converged && node.open.size > 0) problems.push("converged, yet actions are under way");
  if (plan.converged && node.presence !== "alive") problems.push("converged, yet not heard");
  if (plan.converged && node.conflict !== undefined) problems.push("converged, yet contested");
  if (plan.wakeAtMs !== undefined && plan.wakeAtMs <= nowMs) {
    problems.push("to be woken in the past");
  }
  if (orders === 0) return problems;
  if (node.presence !== "alive") problems.push(`orders for a node that is ${node.presence}`);
  if (view.pause !== undefined) problems.push("orders while actions are paused");
  if (node.maintenance !== undefined) problems.push("orders for a node in maintenance");
  if (node.conflict !== undefined) problems.push("orders for a node that agents contest");
  if (node.open.size + orders > ACTIONS_OPEN_PER_NODE_MAX) {
    problems.push(`more than ${ACTIONS_OPEN_PER_NODE_MAX} actions under way`);
  }
  return problems;
}

function subjectOf(view: StateView, decision: PlannerDecision): string {
  if (decision.type === "plan") return decision.target;
  if (decision.type === "settle") return `settle ${decision.target}`;
  if (decision.type === "completeOperation") return decision.operation;
  if (decision.type === "reviewStorm") return decision.faultDomain;
  return view.action(decision.action)?.target ?? decision.action;
}

function lintDecision(
  view: StateView,
  node: NodeState,
  decision: PlannerDecision,
  nowMs: number,
): readonly string[] {
  switch (decision.type) {
    case "plan":
      return lintPlanned(view, node, decision, nowMs);
    case "timeOut": {
      const action = view.action(decision.action);
      if (action?.status !== "planned") return [`${decision.action} times out but is not open`];
      return nowMs < action.deadlineMs ? [`${action.id} times out before its deadline`] : [];
    }
    case "settle": {
      const key = decision.target.replace("service:", "") as ServiceKey;
      const well = node.services.get(key)?.status === "healthy" && !node.open.has(decision.target);
      return well ? [] : [`${decision.target} is settled and not well`];
    }
    case "fail":
    case "cancel":
    case "reviewStorm":
    case "completeOperation":
      return [`a plan of a node never holds ${decision.type}`];
  }
}

function lintPlanned(view: StateView, node: NodeState, planned: Planned, nowMs: number): string[] {
  const { target, order, attempt, timeoutMs } = planned;
  const problems: string[] = [];
  if (planned.node !== node.name) problems.push(`${target} is ordered on ${planned.node}`);
  if (target !== targetOf(order)) problems.push(`${order.type} is ordered for ${target}`);
  if (node.open.has(target)) problems.push(`${target} has an action under way already`);
  if (attempt < 1) problems.push(`${target}: attempt ${attempt}`);
  if (timeoutMs < 1) problems.push(`${target}: no time to do it, ${timeoutMs} ms`);
  if (isTooEarly(node, planned, nowMs)) problems.push(`${target} is tried again too early`);
  const roles = [...view.roles()].map((role) => role.spec).filter((spec) => hasRole(spec, node));
  switch (order.type) {
    case "writeFile":
      if (!roles.some((role) => ownsFile(role, order.file.path))) {
        problems.push(`${target} is written without a role`);
      }
      break;
    case "removeFile":
      if (roles.some((role) => ownsFile(role, order.path))) problems.push(`${target} is wanted`);
      if (!node.files.has(order.path)) problems.push(`${target} is not there`);
      break;
    case "startService":
    case "restartService":
      problems.push(...lintStart(node, roles, order.service.key));
      break;
    case "stopService":
      if (roles.some((role) => ownsService(role, order.key))) problems.push(`${target} is wanted`);
      if (!node.services.has(order.key)) problems.push(`${target} is not there`);
      problems.push(...lintStop(view, node, order.key));
      break;
  }
  return problems;
}

/** Files first, and what the service waits for healthy. */
function lintStart(node: NodeState, roles: readonly RoleSpec[], key: ServiceKey): string[] {
  const role = roles.find((candidate) => ownsService(candidate, key));
  if (role === undefined) return [`${key} is started without a role`];
  const problems: string[] = [];
  for (const { path } of role.files) {
    const status = node.files.get(path)?.status;
    const usable = status === "inSync" || (status !== undefined && role.drift === "report");
    if (!usable) problems.push(`${key} is started while ${path} is ${status ?? "absent"}`);
    if (node.open.has(fileTarget(path))) problems.push(`${key} is started while ${path} is open`);
  }
  const service = role.services.find(({ name }) => serviceKey(role.name, name) === key);
  for (const name of service?.after ?? []) {
    const other = serviceKey(role.name, name);
    const status = node.services.get(other)?.status;
    const well = status === "healthy" && !node.open.has(serviceTarget(other));
    if (!well) problems.push(`${key} is started while ${other} is ${status ?? "absent"} or open`);
  }
  return problems;
}

/** What depends on the service is stopped before it. */
function lintStop(view: StateView, node: NodeState, key: ServiceKey): string[] {
  const problems: string[] = [];
  for (const { spec } of view.roles()) {
    const service = spec.services.find(({ name }) => serviceKey(spec.name, name) === key);
    if (service === undefined) continue;
    for (const other of spec.services.filter(({ after }) => after.includes(service.name))) {
      const status = node.services.get(serviceKey(spec.name, other.name))?.status ?? "stopped";
      if (status !== "stopped") problems.push(`${key} is stopped before ${other.name}`);
    }
  }
  return problems;
}

/** The first repetition is free, the n-th waits 2^(n-2) seconds, a minute at most. */
function isTooEarly(node: NodeState, planned: Planned, nowMs: number): boolean {
  const failures = node.failures.get(planned.target);
  if (failures === undefined || failures.digest !== digestOf(planned.order)) return false;
  if (failures.count < 2) return false;
  const waitMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(20, failures.count - 2));
  return nowMs < failures.last.stampMs + waitMs;
}

function ownsFile(role: RoleSpec, path: string): boolean {
  return role.files.some((file) => file.path === path);
}

function ownsService(role: RoleSpec, key: ServiceKey): boolean {
  return role.services.some(({ name }) => serviceKey(role.name, name) === key);
}

function targetOf(order: Order): TargetKey {
  switch (order.type) {
    case "writeFile":
      return fileTarget(order.file.path);
    case "removeFile":
      return fileTarget(order.path);
    case "startService":
    case "restartService":
      return serviceTarget(order.service.key);
    case "stopService":
      return serviceTarget(order.key);
  }
}
