/**
 * What events make of a node: its life, its presence, and what users set on it.
 *
 * What its agent observed is in evolve-observation.ts, its actions in evolve-action.ts. Unknown
 * nodes change nothing.
 */
import { compareText } from "@atoll/stdx";
import { emptyMap } from "./empty-map.ts";
import type { NodeEvent } from "./event.ts";
import { cancelOpenActions } from "./evolve-action.ts";
import type { NodeName } from "./names.ts";
import { FORGOTTEN_NODES_MAX } from "./state.ts";
import type { NodeState, Presence, Since, StateStore } from "./state.ts";

type OfType<T extends NodeEvent["type"]> = Extract<NodeEvent, { type: T }>;

export function evolveNodeDiscovered(
  store: StateStore,
  event: OfType<"nodeDiscovered">,
  since: Since,
): void {
  if (store.node(event.node) !== undefined) return;
  const kept = store.forgottenNode(event.node);
  const fresh: NodeState = {
    name: event.node,
    revision: since.index,
    discovered: since,
    incarnation: event.incarnation,
    watermark: { boot: 0, sequence: 0 },
    agentVersion: "",
    bootId: "",
    presence: "alive",
    presenceSince: since,
    labels: event.labels,
    location: {},
    assignedRoles: [],
    services: emptyMap(),
    files: emptyMap(),
    generation: kept?.generation ?? 0,
    open: emptyMap(),
    finished: [],
    failures: emptyMap(),
    withheld: emptyMap(),
    disrupted: emptyMap(),
  };
  store.setForgottenNode(event.node, undefined);
  store.setNode(
    event.node,
    kept?.incarnation === event.incarnation ? withObserved(fresh, kept) : fresh,
  );
}

export function evolveNodeWiped(store: StateStore, event: OfType<"nodeWiped">, since: Since): void {
  cancelOpenActions(store, event.node, "the node was wiped", since);
  const wiped = event.lost > 0 ? { wiped: since } : {};
  update(store, event.node, (before) => ({
    ...withoutInventory(before),
    ...wiped,
    ...leftBy(before),
    incarnation: event.incarnation,
    watermark: { boot: 0, sequence: 0 },
    agentVersion: "",
    bootId: "",
    services: emptyMap(),
    files: emptyMap(),
    failures: emptyMap(),
    withheld: emptyMap(),
    disrupted: emptyMap(),
  }));
}

type PresenceEvent = OfType<"nodeSuspected" | "nodeLost" | "nodeReturned">;

const PRESENCE_AFTER: Readonly<Record<PresenceEvent["type"], Presence>> = {
  nodeSuspected: "suspected",
  nodeLost: "lost",
  nodeReturned: "alive",
};

export function evolvePresence(store: StateStore, event: PresenceEvent, since: Since): void {
  const presence = PRESENCE_AFTER[event.type];
  update(store, event.node, (node) =>
    node.presence === presence ? node : { ...node, presence, presenceSince: since },
  );
}

export function evolveNodeUpdated(
  store: StateStore,
  event: OfType<"nodeUpdated">,
  since: Since,
): void {
  const { labels, location } = event;
  update(store, event.node, (node) => ({ ...node, labels, location, revision: since.index }));
}

export function evolveRoleAssignment(
  store: StateStore,
  event: OfType<"roleAssigned" | "roleUnassigned">,
  since: Since,
): void {
  update(store, event.node, (node) => {
    const others = node.assignedRoles.filter((role) => role !== event.role);
    const assignedRoles =
      event.type === "roleAssigned" ? [...others, event.role].toSorted(compareText) : others;
    return { ...node, assignedRoles, revision: since.index };
  });
}

export function evolveMaintenance(
  store: StateStore,
  event: OfType<"maintenanceStarted" | "maintenanceEnded">,
  since: Since,
  actor: string,
): void {
  update(store, event.node, ({ maintenance: _maintenance, ...node }) =>
    event.type === "maintenanceStarted"
      ? { ...node, maintenance: { reason: event.reason, actor, since }, revision: since.index }
      : { ...node, withheld: emptyMap(), revision: since.index },
  );
}

export function evolveNodeForgotten(store: StateStore, event: OfType<"nodeForgotten">): void {
  const node = store.node(event.node);
  if (node === undefined) return;
  for (const action of [...node.open.values(), ...node.finished])
    store.setAction(action, undefined);
  store.setNode(event.node, undefined);
  const { maintenance: _maintenance, wiped: _wiped, rebooted: _rebooted, ...rest } = node;
  const { conflict: _conflict, ...kept } = rest;
  store.setForgottenNode(event.node, {
    ...kept,
    assignedRoles: [],
    location: {},
    open: emptyMap(),
    finished: [],
    failures: emptyMap(),
    withheld: emptyMap(),
    disrupted: emptyMap(),
  });
  if (store.forgottenNodeCount() <= FORGOTTEN_NODES_MAX) return;
  const oldest = store.oldestForgottenNode();
  if (oldest !== undefined) store.setForgottenNode(oldest, undefined);
}

/** What is to be remembered when the log goes on with another boot or incarnation. */
export function leftBy({ incarnation, watermark }: NodeState): Pick<NodeState, "left"> {
  return watermark.instance === undefined ? {} : { left: { incarnation, watermark } };
}

/** Replaces the node `name` by what `change` makes of it; nothing when it is unknown. */
export function update(
  store: StateStore,
  name: NodeName,
  change: (node: NodeState) => NodeState,
): void {
  const node = store.node(name);
  if (node === undefined) return;
  const changed = change(node);
  if (changed !== node) store.setNode(name, changed);
}

/** Nor what its agent has lost. */
function withoutInventory(node: NodeState): NodeState {
  const { inventory: _inventory, inventoryOutdated: _outdated, dropped: _dropped, ...rest } = node;
  return rest;
}

function withObserved(fresh: NodeState, kept: NodeState): NodeState {
  return {
    ...fresh,
    watermark: kept.watermark,
    agentVersion: kept.agentVersion,
    bootId: kept.bootId,
    services: kept.services,
    files: kept.files,
    ...(kept.inventory === undefined ? {} : { inventory: kept.inventory }),
    ...(kept.inventoryOutdated === undefined ? {} : { inventoryOutdated: true }),
  };
}
