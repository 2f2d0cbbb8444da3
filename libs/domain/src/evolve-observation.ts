/**
 * What events make of what an agent observed on its node.
 */
import { withoutWithheld } from "./cancel-action.ts";
import type { NodeEvent } from "./event.ts";
import type { FileObservation, ServiceObservation } from "./fact.ts";
import { withSettled } from "./disruption.ts";
import { mapOrEmpty } from "./empty-map.ts";
import { leftBy, update } from "./evolve-node.ts";
import { failuresAfterObservation, withoutFailure } from "./failures.ts";
import type { ServiceKey } from "./names.ts";
import { fileTarget, serviceTarget } from "./names.ts";
import type { NodeState, ObservedFile, ObservedService, Since, StateStore } from "./state.ts";

type OfType<T extends NodeEvent["type"]> = Extract<NodeEvent, { type: T }>;

export function evolveAgentStarted(
  store: StateStore,
  event: OfType<"agentStarted">,
  since: Since,
): void {
  const before = store.node(event.node);
  if (before === undefined) return;
  const services = new Map<ServiceKey, ObservedService>();
  let failures = before.failures;
  for (const seen of event.services) {
    services.set(seen.key, observedService(before.services.get(seen.key), seen, since));
    failures = failuresAfterObservation(store, { ...before, failures }, seen, since);
  }
  const files = new Map<string, ObservedFile>();
  for (const seen of event.files) {
    files.set(seen.path, observedFile(before.files.get(seen.path), seen, since));
  }
  const { agentVersion, bootId } = event;
  const rebooted = event.rebooted ? { rebooted: since } : {};
  const seen = { services: mapOrEmpty(services), files: mapOrEmpty(files), failures };
  const node = { ...before, ...rebooted, agentVersion, bootId, ...seen };
  store.setNode(event.node, withSettled(store, node));
}

export function evolveInventory(
  store: StateStore,
  event: OfType<"inventoryChanged" | "inventoryOutdated">,
  since: Since,
): void {
  update(store, event.node, ({ inventoryOutdated: _outdated, ...node }) =>
    event.type === "inventoryChanged"
      ? { ...node, inventory: { value: event.inventory, since } }
      : { ...node, inventoryOutdated: true },
  );
}

export function evolveServiceStatus(
  store: StateStore,
  event: OfType<"serviceStatusChanged">,
  since: Since,
): void {
  const seen = event.service;
  update(store, event.node, (node) => {
    const failures = failuresAfterObservation(store, node, seen, since);
    const observed = observedService(node.services.get(seen.key), seen, since);
    const services = new Map(node.services).set(seen.key, observed);
    return withSettled(store, { ...node, failures, services });
  });
}

export function evolveServiceForgotten(store: StateStore, event: OfType<"serviceForgotten">): void {
  update(store, event.node, (node) =>
    withSettled(store, {
      ...node,
      services: without(node.services, event.key),
      failures: withoutFailure(node.failures, serviceTarget(event.key)),
      withheld: withoutWithheld(node, serviceTarget(event.key)),
    }),
  );
}

export function evolveFileStatus(
  store: StateStore,
  event: OfType<"fileStatusChanged">,
  since: Since,
): void {
  const seen = event.file;
  update(store, event.node, (node) => ({
    ...node,
    files: new Map(node.files).set(seen.path, observedFile(node.files.get(seen.path), seen, since)),
  }));
}

export function evolveFileForgotten(store: StateStore, event: OfType<"fileForgotten">): void {
  update(store, event.node, (node) => ({
    ...node,
    files: without(node.files, event.path),
    failures: withoutFailure(node.failures, fileTarget(event.path)),
    withheld: withoutWithheld(node, fileTarget(event.path)),
  }));
}

export function evolveFacts(
  store: StateStore,
  event: OfType<"factsAccepted" | "factsDropped">,
  since: Since,
): void {
  update(store, event.node, (node: NodeState) => {
    if (event.type === "factsAccepted") {
      const { incarnation, through } = event;
      if (node.incarnation !== incarnation) return node;
      const left = through.boot > node.watermark.boot ? leftBy(node) : {};
      return { ...node, ...left, watermark: through };
    }
    const { lane } = event;
    const count = (node.dropped?.get(lane)?.count ?? 0) + event.count;
    return { ...node, dropped: new Map(node.dropped).set(lane, { count, last: since }) };
  });
}

function observedService(
  before: ObservedService | undefined,
  { key, digest, status, pid, reason }: ServiceObservation,
  since: Since,
): ObservedService {
  const sameRun =
    before !== undefined &&
    status !== "crashed" &&
    before.status === status &&
    before.pid === pid &&
    before.digest === digest;
  return { key, digest, status, pid, reason, since: sameRun ? before.since : since };
}

function observedFile(
  before: ObservedFile | undefined,
  { path, digest, status, diff, reason }: FileObservation,
  since: Since,
): ObservedFile {
  const same =
    before !== undefined &&
    before.status === status &&
    before.digest === digest &&
    before.diff === diff;
  return { path, digest, status, diff, reason, since: same ? before.since : since };
}

function without<K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> {
  if (!map.has(key)) return map;
  const rest = new Map(map);
  rest.delete(key);
  return mapOrEmpty(rest);
}
