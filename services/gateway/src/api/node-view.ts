/**
 * Nodes as the API shows them, from the mirror and the planner's judgement of it.
 *
 * The judgement of a node is kept as long as the node, the roles and the moment allow, so that a
 * list of ten thousand nodes judges only those that changed. Reads only.
 */
import {
  toProtoFileObservation,
  toProtoInventory,
  toProtoLocation,
  toProtoServiceObservation,
} from "@atoll/codec";
import { type DatacenterName, type NodeState, rolesOf, serviceTarget } from "@atoll/domain";
import {
  affectedNodes,
  type NodeCondition,
  type NodeExplanation,
  type NodePlan,
  Planner,
} from "@atoll/planner";
import { type Node, NodeState as ProtoNodeState } from "@atoll/proto/atoll/v1/node";
import type { Clock } from "@atoll/stdx";
import { sortedEntries } from "@atoll/stdx";
import type { FilterField } from "../filter/fields.ts";
import type { Mirror } from "../islands/mirror.ts";
import type { ResourceNames } from "./resource-names.ts";
import { sinceOf } from "./time.ts";

interface Judgement {
  readonly plan: NodePlan;
  readonly rolesVersion: number;
}

const STATES: Readonly<Record<NodeCondition, ProtoNodeState>> = {
  discovered: ProtoNodeState.NODE_STATE_DISCOVERED,
  configuring: ProtoNodeState.NODE_STATE_CONFIGURING,
  ready: ProtoNodeState.NODE_STATE_READY,
  degraded: ProtoNodeState.NODE_STATE_DEGRADED,
  maintenance: ProtoNodeState.NODE_STATE_MAINTENANCE,
  suspected: ProtoNodeState.NODE_STATE_SUSPECTED,
  contested: ProtoNodeState.NODE_STATE_CONTESTED,
  lost: ProtoNodeState.NODE_STATE_LOST,
};

/** In the order in which people look for them. */
export const NODE_CONDITIONS = Object.keys(STATES) as readonly NodeCondition[];

export class NodeView {
  readonly #mirror: Mirror;
  readonly #names: ResourceNames;
  readonly #clock: Clock;
  readonly #datacenter: DatacenterName;
  #planner: Planner;
  #judgements = new WeakMap<NodeState, Judgement>();
  #rolesVersion = 0;

  constructor(options: {
    readonly datacenter: DatacenterName;
    readonly mirror: Mirror;
    readonly names: ResourceNames;
    readonly clock: Clock;
  }) {
    this.#datacenter = options.datacenter;
    this.#mirror = options.mirror;
    this.#names = options.names;
    this.#clock = options.clock;
    this.#planner = this.#newPlanner();
    this.#mirror.onRestored(() => {
      this.#planner = this.#newPlanner();
      this.#rolesVersion += 1;
    });
    this.#mirror.onApplied((_index, entry) => {
      const changed = entry?.events.some(({ event }) => {
        const { type } = affectedNodes(event);
        return type === "all" || type === "faultDomain";
      });
      if (changed === true) this.#rolesVersion += 1;
    });
  }

  /** What the planner makes of a node now; from memory where nothing can have changed. */
  plan(node: NodeState): NodePlan {
    const nowMs = this.nowMs();
    const known = this.#judgements.get(node);
    if (known !== undefined && known.rolesVersion === this.#rolesVersion) {
      // What disrupts waits for other nodes, which change without it.
      const { wakeAtMs, disrupts } = known.plan;
      if (wakeAtMs === undefined && !disrupts) return known.plan;
    }
    const plan = this.#planner.planNode(node.name, nowMs);
    this.#judgements.set(node, { plan, rolesVersion: this.#rolesVersion });
    return plan;
  }

  condition(node: NodeState): NodeCondition {
    return this.plan(node).condition.state;
  }

  explain(node: NodeState): NodeExplanation | undefined {
    return this.#planner.explainNode(node.name, this.nowMs());
  }

  /** Now, on the clock of the log's stamps. */
  nowMs(): number {
    return Math.max(this.#clock.realtimeMs(), this.#mirror.datacenter.stampMs);
  }

  render(node: NodeState): Node {
    const { condition } = this.plan(node);
    const { inventory, maintenance, conflict } = node;
    return {
      name: this.#names.node(node.name),
      state: STATES[condition.state],
      stateReason: condition.reason,
      stateSince: sinceOf(condition.since),
      labels: { ...node.labels },
      location: toProtoLocation(node.location),
      assignedRoles: node.assignedRoles.map((role) => this.#names.role(role)),
      roles: this.roles(node),
      inventory: inventory === undefined ? undefined : toProtoInventory(inventory.value),
      inventorySince: inventory === undefined ? undefined : sinceOf(inventory.since),
      services: sortedEntries(node.services).map(([key, service]) => ({
        observation: toProtoServiceObservation(service),
        since: sinceOf(service.since),
        failureCount: node.failures.get(serviceTarget(service.key ?? key))?.count ?? 0,
      })),
      files: sortedEntries(node.files).map(([, file]) => ({
        observation: toProtoFileObservation(file),
        since: sinceOf(file.since),
      })),
      maintenance:
        maintenance === undefined
          ? undefined
          : {
              reason: maintenance.reason,
              actor: maintenance.actor,
              since: sinceOf(maintenance.since),
            },
      conflict:
        conflict === undefined
          ? undefined
          : { claimants: conflict.claimants, since: sinceOf(conflict.since) },
      agentVersion: node.agentVersion,
      bootId: node.bootId,
      incarnation: node.incarnation,
      discovered: sinceOf(node.discovered),
      presenceSince: sinceOf(node.presenceSince),
      etag: etagOf(node.revision),
    };
  }

  /** Resource names of all roles of a node. */
  roles(node: NodeState): string[] {
    return rolesOf(this.#mirror.datacenter, node).map(({ spec }) => this.#names.role(spec.name));
  }

  /** What nodes may be filtered by. */
  filterFields(): readonly FilterField<NodeState>[] {
    return [
      { name: "name", kind: { type: "text" }, read: (node) => this.#names.node(node.name) },
      {
        name: "state",
        kind: {
          type: "choice",
          values: NODE_CONDITIONS.map((state) => state.toUpperCase()),
          prefix: "NODE_STATE_",
        },
        read: (node) => this.condition(node).toUpperCase(),
      },
      {
        name: "labels",
        kind: { type: "map" },
        read: ({ labels }, key) => (Object.hasOwn(labels, key) ? labels[key] : undefined),
      },
      { name: "location.room", kind: { type: "text" }, read: ({ location }) => location.room },
      { name: "location.rack", kind: { type: "text" }, read: ({ location }) => location.rack },
      {
        name: "location.position",
        kind: { type: "text" },
        read: ({ location }) => location.position,
      },
      { name: "roles", kind: { type: "list" }, read: (node) => this.roles(node) },
      {
        name: "assigned_roles",
        kind: { type: "list" },
        read: ({ assignedRoles }) => assignedRoles.map((role) => this.#names.role(role)),
      },
      { name: "agent_version", kind: { type: "text" }, read: (node) => node.agentVersion },
      { name: "discovered", kind: { type: "time" }, read: (node) => node.discovered.stampMs },
    ];
  }

  #newPlanner(): Planner {
    return new Planner({ view: this.#mirror.datacenter, datacenter: this.#datacenter });
  }
}

/** A revision as callers get it. */
export function etagOf(revision: number): string {
  return String(revision);
}
