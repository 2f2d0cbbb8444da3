/**
 * What is taken away although it worked, and how much of it at the same time.
 *
 * An order disrupts when it stops or replaces a service that is healthy. From then on its target is
 * disrupted until it is well again: a stopped one is gone, a replaced one has been healthy by its
 * new specification for a while, or what was there before is healthy still because nothing came of
 * the order. So a change that breaks the first nodes stops there by itself. Healing what is broken
 * disrupts nothing.
 */
import { disruptedMax, limitsOf } from "./action-limits.ts";
import { mapOrEmpty } from "./empty-map.ts";
import { digestOf } from "./failures.ts";
import type { FaultDomainName } from "./fault-domain.ts";
import { faultDomainOf, isDisrupted } from "./fault-domain.ts";
import type { ActionEvent, NodeEvent } from "./event.ts";
import type { ServiceKey, TargetKey } from "./names.ts";
import type { Order } from "./order.ts";
import type {
  Disruption,
  NodeState,
  ObservedService,
  Since,
  StateStore,
  StateView,
} from "./state.ts";

/** Only services are disrupted. */
const SERVICE_PREFIX = "service:";

type Planned = Extract<ActionEvent, { type: "actionPlanned" }>;

/** Why an order that disrupts must wait. */
export type DisruptionRefusal =
  /** Something else on the node is being taken away. */
  | { readonly type: "node"; readonly targets: readonly TargetKey[] }
  /** Too much is broken there to take anything away. */
  | { readonly type: "storm"; readonly faultDomain: FaultDomainName }
  /** So many nodes of its fault domain are not back yet. */
  | {
      readonly type: "faultDomain";
      readonly faultDomain: FaultDomainName;
      readonly disrupted: number;
      readonly most: number;
      readonly nodes: number;
    };

/** Whether the order takes away something that works on the node. */
export function isDisruptive(node: NodeState, order: Order): boolean {
  switch (order.type) {
    case "writeFile":
    case "removeFile":
      return false;
    case "stopService":
      return isHealthy(node, order.key);
    case "restartService":
      return isHealthy(node, order.service.key);
    case "startService": {
      const { key, digest } = order.service;
      return isHealthy(node, key) && node.services.get(key)?.digest !== digest;
    }
  }
}

/** Why an order that disrupts `target` must wait; undefined when there is room for it. */
export function refuseDisruption(
  view: StateView,
  node: NodeState,
  target: TargetKey,
): DisruptionRefusal | undefined {
  const faultDomain = faultDomainOf(node.location);
  if (view.storm(faultDomain) !== undefined) return { type: "storm", faultDomain };
  if (node.disrupted.has(target)) return undefined;
  const limits = limitsOf(view);
  // Only what surely ends: what is broken may itself wait for this target to be replaced.
  const underWay = [...node.disrupted.keys()].filter((other) => node.open.has(other));
  if (underWay.length >= limits.disruptionsPerNodeMax) {
    return { type: "node", targets: underWay.toSorted() };
  }
  if (isDisrupted(node)) return undefined;
  const { nodes, disrupted } = view.faultDomain(faultDomain);
  const most = disruptedMax(nodes, limits);
  if (disrupted < most) return undefined;
  return { type: "faultDomain", faultDomain, disrupted, most, nodes };
}

/** For how many nodes more of the fault domain there is room. */
export function roomFor(view: StateView, faultDomain: FaultDomainName): number {
  if (view.storm(faultDomain) !== undefined) return 0;
  const { nodes, disrupted } = view.faultDomain(faultDomain);
  return Math.max(0, disruptedMax(nodes, limitsOf(view)) - disrupted);
}

/** What of the node is disrupted once the action is planned. */
export function disruptedByPlan(
  node: NodeState,
  { action, target, order, disruptive }: Planned,
  since: Since,
): NodeState["disrupted"] {
  const known = node.disrupted.get(target);
  if (!disruptive && known === undefined) return node.disrupted;
  const disruption = { action, digest: digestOf(order), since: known?.since ?? since };
  return new Map(node.disrupted).set(target, disruption);
}

/** Since when a disrupted target is healthy by what it was replaced by; undefined: it is not. */
export function backSince(node: NodeState, target: TargetKey): Since | undefined {
  const disruption = node.disrupted.get(target);
  if (disruption === undefined || node.open.has(target)) return undefined;
  const observed = observedOf(node, target);
  if (observed?.status !== "healthy" || observed.digest !== disruption.digest) return undefined;
  return observed.since;
}

export function evolveDisruptionEnded(
  store: StateStore,
  { node: name, target }: Extract<NodeEvent, { type: "disruptionEnded" }>,
): void {
  const node = store.node(name);
  if (node === undefined || !node.disrupted.has(target)) return;
  const rest = new Map(node.disrupted);
  rest.delete(target);
  store.setNode(name, { ...node, disrupted: mapOrEmpty(rest) });
}

/** The node without what is gone as ordered, and without that of which nothing came. */
export function withSettled(view: StateView, node: NodeState): NodeState {
  if (node.disrupted.size === 0) return node;
  const rest = [...node.disrupted].filter(([target, disruption]) => {
    return !isSettled(view, node, target, disruption);
  });
  return rest.length === node.disrupted.size
    ? node
    : { ...node, disrupted: mapOrEmpty(new Map(rest)) };
}

function isSettled(
  view: StateView,
  node: NodeState,
  target: TargetKey,
  { action, digest }: Disruption,
): boolean {
  if (node.open.has(target)) return false;
  const observed = observedOf(node, target);
  if (observed === undefined) return true;
  if (digest === "" && observed.status === "stopped") return true;
  if (observed.status !== "healthy" || observed.digest === digest) return false;
  // What was there before is there still; after a success the report of the new one is awaited.
  return view.action(action)?.status !== "succeeded";
}

function observedOf(node: NodeState, target: TargetKey): ObservedService | undefined {
  return node.services.get(target.slice(SERVICE_PREFIX.length) as ServiceKey);
}

function isHealthy(node: NodeState, key: ServiceKey): boolean {
  return node.services.get(key)?.status === "healthy";
}
