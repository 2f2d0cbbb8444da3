/**
 * Turns findings into decisions: orders rendered for the node, and actions whose time is up.
 */
import type { NodeState, Order, PlannerDecision, ServiceKey } from "@atoll/domain";
import {
  FILE_TIMEOUT_MS,
  START_TIMEOUT_MS,
  STOP_MARGIN_MS,
  STOP_TIMEOUT_DEFAULT_MS,
} from "./bounds.ts";
import type { Finding, Look, Wish } from "./finding.ts";
import { sealFile, sealService } from "./render.ts";
import { readFacts } from "./template-text.ts";

/** The decision that follows from `finding` now, if any. `held` nodes get no orders. */
export function decisionOf(
  look: Look,
  finding: Finding,
  held: boolean,
): PlannerDecision | undefined {
  const { node } = look;
  switch (finding.type) {
    case "open":
      if (look.nowMs < finding.action.deadlineMs) return undefined;
      return { type: "timeOut", node: node.name, action: finding.action.id };
    case "act": {
      if (held || finding.subject === "node") return undefined;
      const { order, timeoutMs } = fulfil(look, finding.wish);
      const attempt = (finding.failures?.count ?? 0) + 1;
      const { subject: target, cause } = finding;
      return { type: "plan", node: node.name, target, order, cause, attempt, timeoutMs };
    }
    case "wait":
    case "leave":
      return undefined;
  }
}

/** When the decision that follows from `finding` changes by time alone. */
export function wakeAtMsOf(finding: Finding, held: boolean): number | undefined {
  if (finding.type === "open") return finding.action.deadlineMs;
  if (finding.type === "wait" && !held) return finding.untilMs;
  return undefined;
}

function fulfil(look: Look, wish: Wish): { readonly order: Order; readonly timeoutMs: number } {
  switch (wish.type) {
    case "writeFile": {
      const { role } = wish.role;
      const { values } = readFacts(role.facts, look.node, look.datacenter);
      const file = sealFile(wish.file.spec, role.state, values);
      return { order: { type: "writeFile", file }, timeoutMs: FILE_TIMEOUT_MS };
    }
    case "startService":
    case "restartService": {
      const { role, fileDigests } = wish.role;
      const { spec, key, restartOn } = wish.service;
      const { values } = readFacts(role.facts, look.node, look.datacenter);
      const restartDigests = restartOn.map((at) => fileDigests[at] as string);
      const service = sealService(spec, key, values, restartDigests);
      const timeoutMs = START_TIMEOUT_MS + spec.stopTimeoutMs;
      return { order: { type: wish.type, service }, timeoutMs };
    }
    case "removeFile":
      return { order: wish, timeoutMs: FILE_TIMEOUT_MS };
    case "stopService": {
      const timeoutMs = stopTimeoutMs(look, wish.key) + STOP_MARGIN_MS;
      return { order: wish, timeoutMs };
    }
  }
}

/** The stop timeout of the newest specification that is still known of a service. */
function stopTimeoutMs(look: Look, key: ServiceKey): number {
  for (const role of look.catalog.roles) {
    const service = role.servicesByKey.get(key);
    if (service !== undefined) return service.spec.stopTimeoutMs;
  }
  return stopTimeoutOfLastOrder(look, look.node, key) ?? STOP_TIMEOUT_DEFAULT_MS;
}

function stopTimeoutOfLastOrder(look: Look, node: NodeState, key: ServiceKey): number | undefined {
  for (let at = node.finished.length - 1; at >= 0; at -= 1) {
    const id = node.finished[at];
    const order = id === undefined ? undefined : look.view.action(id)?.order;
    if (order === undefined || !("service" in order)) continue;
    if (order.service.key === key) return order.service.stopTimeoutMs;
  }
  return undefined;
}
