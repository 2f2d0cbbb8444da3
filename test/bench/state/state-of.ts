/**
 * A replicated state of many nodes, as a log makes it: each with an inventory, a place, and one
 * service of one role, running as wanted.
 */
import * as codec from "@atoll/codec";
import { ReplicatedState } from "@atoll/control";
import type { DomainEvent, NodeName, RoleName } from "@atoll/domain";
import { sampleInventory, sampleRole } from "@atoll/domain/testing";
import { Planner } from "@atoll/planner";

const NODES_PER_ENTRY = 100;
const NODES_PER_RACK = 40;
const START_MS = 1_000_000;
export const DATACENTER = "dc1" as never;

export function nodeName(number: number): NodeName {
  return `node-${String(number).padStart(6, "0")}` as NodeName;
}

/** Also says how many events made it. */
export function stateOf(nodes: number): {
  readonly state: ReplicatedState;
  readonly events: number;
} {
  const state = new ReplicatedState(codec);
  let events = 0;
  const apply = (...added: DomainEvent[]): void => {
    events += added.length;
    const recorded = added.map((event) => ({ event, actor: "bench" }));
    const entry = { stampMs: START_MS, events: recorded };
    state.apply(state.appliedIndex + 1, codec.encodeLogEntry(entry));
  };
  apply({ type: "roleApplied", role: roleOfAll() });
  for (let first = 0; first < nodes; first += NODES_PER_ENTRY) {
    const count = Math.min(NODES_PER_ENTRY, nodes - first);
    apply(...Array.from({ length: count }, (_, at) => arrival(first + at)).flat());
    // What the planner wants is what runs.
    const planner = new Planner({ view: state.datacenter, datacenter: DATACENTER });
    const running = Array.from({ length: count }, (_, at) => {
      return observations(planner, nodeName(first + at));
    });
    apply(...running.flat());
  }
  return { state, events };
}

function roleOfAll(): typeof sampleRole {
  const [service] = sampleRole.services;
  if (service === undefined) throw new Error("the sample has no service");
  const { health: _health, ...plain } = { ...service, restartOn: [], command: ["/bin/app"] };
  const match = { labels: { use: "web" }, location: {}, hardware: {} };
  return { ...sampleRole, name: "web" as RoleName, match, files: [], services: [plain] };
}

function arrival(number: number): DomainEvent[] {
  const node = nodeName(number);
  const rack = Math.floor(number / NODES_PER_RACK);
  const labels = { port: "8101", use: "web" };
  return [
    { type: "nodeDiscovered", node, incarnation: `i-${number}`, labels },
    {
      type: "nodeUpdated",
      node,
      labels,
      location: { room: `room-${Math.floor(rack / 250)}`, rack: `rack-${rack}`, position: "1" },
    },
    {
      type: "agentStarted",
      node,
      agentVersion: "1.0.0",
      bootId: `boot-${number}`,
      rebooted: false,
      services: [],
      files: [],
    },
    { type: "inventoryChanged", node, inventory: sampleInventory },
    {
      type: "factsAccepted",
      node,
      incarnation: `i-${number}`,
      through: { boot: 1, sequence: 3 },
    },
  ];
}

function observations(planner: Planner, node: NodeName): DomainEvent[] {
  const { decisions } = planner.planNode(node, START_MS);
  return decisions.flatMap((decision): DomainEvent[] => {
    if (decision.type !== "plan" || decision.order.type !== "startService") return [];
    const { key, digest } = decision.order.service;
    const service = { key, digest, status: "healthy", pid: 100, reason: "" } as const;
    return [{ type: "serviceStatusChanged", node, service }];
  });
}
