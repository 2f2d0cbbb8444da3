/**
 * Random histories of a datacenter that can happen, for property tests.
 *
 * A seed gives a sequence of commands of every type: users who mostly ask for what makes sense,
 * agents with outboxes whose batches get lost, repeated and reordered on their way, a planner that
 * starts, ends and gives up actions, and a detector. Commands of one step are decided on one draft,
 * as the leader does. The same seed gives the same history.
 */
import { Prng } from "@atoll/stdx";
import type { Command, PlannerDecision } from "../command.ts";
import { Datacenter } from "../datacenter.ts";
import { decide } from "../decide.ts";
import { Draft } from "../draft.ts";
import type { DomainEvent, LogEntry, RecordedEvent } from "../event.ts";
import { evolve, evolveEntry } from "../evolve.ts";
import type { FaultDomainName } from "../fault-domain.ts";
import { faultDomainOf } from "../fault-domain.ts";
import type { Fact, FactBatch, OutboxPosition, ServiceStatus } from "../fact.ts";
import { differenceOf } from "../inventory-difference.ts";
import type { ActionId, NodeName, OperationId, RoleName, ServiceKey } from "../names.ts";
import { serviceTarget } from "../names.ts";
import { firstTwin, secondTwin } from "./sample-twins.ts";
import type { RoleSpec } from "../role.ts";
import type { NodeState } from "../state.ts";
import {
  bareInventory,
  emptyRole,
  fileSeen,
  sampleInventory,
  sampleOrders,
  sampleRole,
  serviceSeen,
  webApp,
} from "./samples.ts";

export interface HistoryStep {
  readonly index: number;
  readonly entry: LogEntry;
  /** The state that the leader's draft came to; to be held against the state after the entry. */
  readonly draft: Draft;
}

const NODES: readonly NodeName[] = ["n1", "n2", "n3"].map((name) => name as NodeName);
const ROLES: readonly RoleName[] = ["web", "db", "logs"].map((name) => name as RoleName);
const SERVICES: readonly ServiceKey[] = [webApp, "db/store" as ServiceKey];
const PATHS: readonly string[] = ["/etc/app.conf", "/etc/a.conf"];
const STATUSES: readonly ServiceStatus[] = [
  "starting",
  "healthy",
  "unhealthy",
  "stopped",
  "crashed",
];

/** The entries of a history, applied to `state` one after another as they are made. */
export function* makeHistory(
  seed: number,
  steps: number,
  state: Datacenter = new Datacenter(),
): IterableIterator<HistoryStep> {
  const world = new World(new Prng(seed), state);
  for (let index = 1; index <= steps; index += 1) yield world.step(index);
}

interface Agent {
  readonly node: NodeName;
  incarnation: string;
  boot: number;
  sequence: number;
  previous: OutboxPosition;
  sent: FactBatch[];
}

class World {
  readonly #prng: Prng;
  readonly #state: Datacenter;
  readonly #agents: Agent[] = NODES.map((node) => newAgent(node, 1));
  #nowMs = 1_000_000;
  #lives = 1;

  constructor(prng: Prng, state: Datacenter) {
    this.#prng = prng;
    this.#state = state;
  }

  step(index: number): HistoryStep {
    this.#nowMs += this.#prng.below(40_000);
    const draft = new Draft(this.#state);
    const events: RecordedEvent[] = [];
    for (let count = this.#prng.between(1, 4); count > 0; count -= 1) {
      const requestId = this.#prng.chance(1, 3) ? `r${this.#prng.below(12)}` : "";
      const decision = decide(draft, this.#command(draft), {
        nowMs: this.#nowMs,
        actor: "tester",
        requestId,
      });
      if (decision.type === "rejected") continue;
      for (const event of decision.events) {
        evolve(draft, event, { index, offset: events.length, stampMs: this.#nowMs }, "tester");
        events.push({ event, actor: "tester" });
      }
    }
    if (this.#prng.chance(1, 60)) {
      const names = { group: `atoll/dc1/${index}`, previousGroup: "atoll/dc1" };
      const event: DomainEvent = { type: "groupRestored", ...names, backupIndex: index - 1 };
      evolve(draft, event, { index, offset: events.length, stampMs: this.#nowMs }, "restore");
      events.push({ event, actor: "restore" });
    }
    if (this.#prng.chance(1, 12)) {
      const storm = { faultDomain: this.#faultDomain(), nodes: 6, of: 10, sharePercent: 30 };
      const event: DomainEvent = { type: "stormHeld", ...storm };
      evolve(draft, event, { index, offset: events.length, stampMs: this.#nowMs }, "planner");
      events.push({ event, actor: "planner" });
    }
    const stream = { created: "s1", sequence: index * 2 };
    const entry: LogEntry = this.#prng.chance(1, 2)
      ? { stampMs: this.#nowMs, events, stream }
      : { stampMs: this.#nowMs, events };
    evolveEntry(this.#state, entry, index);
    return { index, entry, draft };
  }

  #command(view: Draft): Command {
    if (this.#prng.chance(1, 2)) return { type: "acceptFacts", batch: this.#batch() };
    return this.#prng.chance(1, 2) ? this.#internal(view) : this.#user();
  }

  #batch(): FactBatch {
    const agent = this.#prng.pick(this.#agents);
    if (this.#prng.chance(1, 40)) this.#wipe(agent);
    if (agent.sent.length > 0 && this.#prng.chance(1, 3)) return this.#prng.pick(agent.sent);
    const first: OutboxPosition =
      agent.sequence === 0 || this.#prng.chance(1, 10)
        ? { ...this.#started(agent), sequence: 1 }
        : { ...agent.previous, sequence: agent.sequence + 1 };
    const facts = Array.from({ length: this.#prng.between(1, 5) }, (_, at) =>
      this.#fact(at === 0 && first.sequence === 1),
    );
    const { node, incarnation, previous } = agent;
    const batch = { node, incarnation, previous, first, facts };
    agent.sequence = first.sequence + facts.length - 1;
    agent.previous = { ...first, sequence: agent.sequence };
    agent.sent.push(batch);
    return batch;
  }

  /** Some agents name the instance. */
  #started(agent: Agent): Pick<OutboxPosition, "boot" | "instance"> {
    agent.boot += 1;
    const instance = `${agent.incarnation}-${agent.boot}`;
    return agent.node === "n1" ? { boot: agent.boot } : { boot: agent.boot, instance };
  }

  #wipe(agent: Agent): void {
    this.#lives += 1;
    Object.assign(agent, newAgent(agent.node, this.#lives));
  }

  #fact(first: boolean): Fact {
    const observedAtMs = this.#nowMs;
    const key = this.#prng.pick(SERVICES);
    const digest = `d${this.#prng.below(2)}`;
    const status = this.#prng.chance(1, 2) ? "healthy" : this.#prng.pick(STATUSES);
    const service = serviceSeen(status, { key, digest });
    const path = this.#prng.pick(PATHS);
    const file = fileSeen(this.#prng.pick(["inSync", "drifted", "missing"]), { path });
    if (first) {
      const services = this.#prng.chance(1, 2) ? [service] : [];
      const common = { agentVersion: "1", bootId: "b", labels: { use: "web" }, files: [file] };
      return { type: "agentStarted", observedAtMs, services, ...common };
    }
    return this.#prng.pick<Fact>([
      {
        type: "inventoryObserved",
        observedAtMs,
        inventory: this.#prng.pick([sampleInventory, bareInventory]),
      },
      {
        type: "inventoryDiffered",
        observedAtMs,
        ...differenceOf(
          this.#prng.pick([sampleInventory, bareInventory]),
          this.#prng.pick([sampleInventory, bareInventory]),
        ),
      },
      { type: "serviceObserved", observedAtMs, service },
      { type: "serviceObserved", observedAtMs, service },
      { type: "serviceForgotten", observedAtMs, key },
      { type: "serviceRestartedAlone", observedAtMs, key, reason: "exit status 1" },
      { type: "fileObserved", observedAtMs, file },
      { type: "fileForgotten", observedAtMs, path },
      { type: "factsDropped", observedAtMs, lane: "state", count: 3, sinceMs: observedAtMs },
      this.#result(observedAtMs),
      this.#result(observedAtMs),
    ]);
  }

  #result(observedAtMs: number): Fact {
    const open = [...this.#state.nodes()].flatMap((node) => [
      ...node.open.values(),
      ...node.finished,
    ]);
    const action =
      open.length > 0 ? this.#prng.pick(open) : (`n1-${this.#prng.between(1, 9)}` as never);
    const outcome = this.#prng.pick(["succeeded", "failed"] as const);
    return {
      type: "actionFinished",
      observedAtMs,
      action,
      outcome,
      reason: "exit status 1",
      durationMs: 5,
    };
  }

  #internal(view: Draft): Command {
    const name = this.#prng.pick(NODES);
    if (this.#prng.chance(1, 8)) {
      const domain = this.#prng.pick(["rack:k1", "rack:k2", "datacenter"]);
      const lost = this.#prng.chance(1, 2);
      return { type: "reportSight", domain, lost, silent: 6, nodes: lost ? 9 : 0 };
    }
    if (this.#prng.chance(1, 8)) {
      const alone = [[firstTwin], [secondTwin]];
      const claimants = this.#prng.pick([[firstTwin, secondTwin], ...alone, ...alone]);
      return { type: "reportClaimants", node: name, claimants };
    }
    if (this.#prng.chance(1, 3)) {
      const presence = this.#prng.pick(["alive", "suspected", "lost"] as const);
      return { type: "reportPresence", node: name, presence, silentMs: 9_000 };
    }
    const disrupted = [...view.nodes()].find((one) => one.disrupted.size > 0);
    const node = disrupted ?? view.node(name);
    const decisions: PlannerDecision[] = [];
    for (const operation of view.runningOperations()) {
      if (this.#prng.chance(1, 2))
        decisions.push({ type: "completeOperation", operation: operation.id });
    }
    if (this.#prng.chance(1, 4)) {
      decisions.push({ type: "reviewStorm", faultDomain: this.#faultDomain() });
    }
    if (node !== undefined) decisions.push(...this.#plan(node));
    return { type: "carryOutPlan", decisions };
  }

  #plan(node: NodeState): PlannerDecision[] {
    const settle = [...node.disrupted.keys()].map((target) => {
      return { type: "settle", node: node.name, target } as const;
    });
    if (settle.length > 0 && this.#prng.chance(1, 2)) return settle;
    const order = this.#prng.pick(Object.values(sampleOrders));
    const target =
      order.type === "writeFile" || order.type === "removeFile"
        ? "file:/etc/app.conf"
        : serviceTarget(webApp);
    const cause = { text: "it is wanted", index: 1 };
    const decisions: PlannerDecision[] = [
      {
        type: "plan",
        node: node.name,
        target: target as never,
        order,
        cause,
        attempt: 1,
        timeoutMs: 30_000,
      },
    ];
    for (const action of node.open.values()) {
      const type = this.#prng.pick(["timeOut", "fail", "cancel", "none"] as const);
      if (type === "timeOut") decisions.push({ type, node: node.name, action });
      else if (type !== "none") decisions.push({ type, node: node.name, action, reason: "no" });
    }
    return decisions;
  }

  #user(): Command {
    const node = this.#prng.pick(NODES);
    const role = this.#prng.pick(ROLES);
    const newest = Math.max(3, this.#state.operationCount);
    const replica = this.#prng.between(1, 4);
    const replaces = this.#prng.pick([0, this.#prng.between(1, 4)]);
    const labels = { use: this.#prng.pick(["web", "db"]), port: "8101" };
    return this.#prng.pick<Command>([
      { type: "applyRoles", roles: [this.#role(role)] },
      { type: "deleteRole", role },
      { type: "assignRole", node, role },
      { type: "assignRole", node, role },
      { type: "unassignRole", node, role },
      { type: "updateNode", node, labels, revision: 0 },
      {
        type: "updateNode",
        node,
        location: { rack: this.#prng.pick(["r1", "r2"]) },
        revision: this.#prng.below(9),
      },
      { type: "startMaintenance", node, reason: this.#prng.pick(["disk", "fan", ""]) },
      { type: "endMaintenance", node },
      { type: "forgetNode", node },
      { type: "cancelAction", action: this.#openAction(), reason: "not that one" },
      { type: "releaseStorm", faultDomain: this.#faultDomain(), reason: "looked at it" },
      { type: "pauseActions", reason: "switch" },
      {
        type: "setActionLimits",
        limits: { disruptedPercentMax: this.#prng.pick([20, 50, 100]), stormNodesMin: 2 },
        reason: this.#prng.pick(["day", "night"]),
      },
      ...Array.from({ length: 6 }, () => ({ type: "resumeActions" }) as const),
      { type: "addReplica", replica, address: `10.0.0.${replica}:7500`, replaces },
      { type: "removeReplica", replica },
      { type: "forgetReplica", replica },
      { type: "cancelOperation", operation: `op-${newest - this.#prng.below(3)}` as OperationId },
    ]);
  }

  #faultDomain(): FaultDomainName {
    return faultDomainOf(this.#prng.pick([{}, { rack: "r1" }, { rack: "r2" }]));
  }

  #openAction(): ActionId {
    const open = [...this.#state.nodes()].flatMap((node) => [...node.open.values()]);
    return open.length > 0 ? this.#prng.pick(open) : ("n1-1" as ActionId);
  }

  #role(name: RoleName): RoleSpec {
    if (name === "web") return { ...sampleRole, description: `version ${this.#prng.below(3)}` };
    return { ...emptyRole(name), description: `version ${this.#prng.below(3)}` };
  }
}

function newAgent(node: NodeName, life: number): Agent {
  return {
    node,
    incarnation: `life-${life}`,
    boot: 0,
    sequence: 0,
    previous: { boot: 0, sequence: 0 },
    sent: [],
  };
}

/** The types of the events of entries, each once. */
export function eventTypesOf(entries: Iterable<LogEntry>): Set<DomainEvent["type"]> {
  const types = new Set<DomainEvent["type"]>();
  for (const entry of entries) for (const { event } of entry.events) types.add(event.type);
  return types;
}
