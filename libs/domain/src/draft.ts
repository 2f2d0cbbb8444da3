/**
 * What the state would be: changes laid over a view that stays as it is.
 *
 * The leader decides the commands of one batch on a draft, each upon the events of those before it,
 * and throws the draft away: only what comes back committed from the log changes the datacenter. A
 * draft drops nothing past a bound; that is left to the datacenter when the events arrive there.
 */
import { compareText } from "@atoll/stdx";
import { DraftedFaultDomains } from "./drafted-fault-domains.ts";
import type { StreamPosition } from "./event.ts";
import type { FaultDomainName, FaultDomainTally } from "./fault-domain.ts";
import type { ActionId, NodeName, OperationId, RoleName } from "./names.ts";
import type {
  ActionState,
  GroupReplicaState,
  NodeState,
  OperationState,
  LimitsState,
  PauseState,
  RequestState,
  RoleState,
  SightState,
  StateStore,
  StateView,
  StormState,
} from "./state.ts";

export class Draft implements StateStore {
  readonly #base: StateView;
  readonly #nodes: Map<NodeName, NodeState | undefined> = new Map();
  readonly #forgotten: Map<NodeName, NodeState | undefined> = new Map();
  readonly #roles: Map<RoleName, RoleState | undefined> = new Map();
  readonly #actions: Map<ActionId, ActionState | undefined> = new Map();
  readonly #operations: Map<OperationId, OperationState | undefined> = new Map();
  readonly #requests: Map<string, RequestState | undefined> = new Map();
  readonly #replicas: Map<number, GroupReplicaState | undefined> = new Map();
  readonly #sights: Map<string, SightState | undefined> = new Map();
  readonly #storms: Map<FaultDomainName, StormState | undefined> = new Map();
  readonly #faultDomains: DraftedFaultDomains;
  #stampMs: number;
  #stream: StreamPosition | undefined;
  #operationCount: number;
  #runningOperationCount: number;
  #pause: PauseState | undefined;
  #limits: LimitsState | undefined;

  constructor(base: StateView) {
    this.#base = base;
    this.#faultDomains = new DraftedFaultDomains(base);
    this.#stampMs = base.stampMs;
    this.#stream = base.stream;
    this.#operationCount = base.operationCount;
    this.#pause = base.pause;
    this.#limits = base.limits;
    this.#runningOperationCount = base.runningOperationCount;
  }

  get stampMs(): number {
    return this.#stampMs;
  }

  get stream(): StreamPosition | undefined {
    return this.#stream;
  }

  get operationCount(): number {
    return this.#operationCount;
  }

  get runningOperationCount(): number {
    return this.#runningOperationCount;
  }

  get pause(): PauseState | undefined {
    return this.#pause;
  }

  get limits(): LimitsState | undefined {
    return this.#limits;
  }

  node(name: NodeName): NodeState | undefined {
    return this.#nodes.has(name) ? this.#nodes.get(name) : this.#base.node(name);
  }

  forgottenNode(name: NodeName): NodeState | undefined {
    return this.#forgotten.has(name) ? this.#forgotten.get(name) : this.#base.forgottenNode(name);
  }

  role(name: RoleName): RoleState | undefined {
    return this.#roles.has(name) ? this.#roles.get(name) : this.#base.role(name);
  }

  action(id: ActionId): ActionState | undefined {
    return this.#actions.has(id) ? this.#actions.get(id) : this.#base.action(id);
  }

  operation(id: OperationId): OperationState | undefined {
    return this.#operations.has(id) ? this.#operations.get(id) : this.#base.operation(id);
  }

  request(requestId: string): RequestState | undefined {
    return this.#requests.has(requestId)
      ? this.#requests.get(requestId)
      : this.#base.request(requestId);
  }

  groupReplica(id: number): GroupReplicaState | undefined {
    return this.#replicas.has(id) ? this.#replicas.get(id) : this.#base.groupReplica(id);
  }

  groupReplicas(): Iterable<GroupReplicaState> {
    const all = new Map<number, GroupReplicaState | undefined>();
    for (const replica of this.#base.groupReplicas()) all.set(replica.id, replica);
    for (const [id, replica] of this.#replicas) all.set(id, replica);
    return [...all.values()]
      .filter((replica) => replica !== undefined)
      .toSorted((left, right) => left.id - right.id);
  }

  sights(): Iterable<SightState> {
    return this.#sights.size === 0
      ? this.#base.sights()
      : merge(this.#base.sights(), this.#sights, domainOf);
  }

  faultDomain(name: FaultDomainName): FaultDomainTally {
    return this.#faultDomains.tally(name);
  }

  disruptedNodes(name: FaultDomainName): Iterable<NodeName> {
    return this.#faultDomains.disrupted(name, this.#nodes);
  }

  ailingNodes(name: FaultDomainName): Iterable<NodeName> {
    return this.#faultDomains.ailing(name, this.#nodes);
  }

  storm(faultDomain: FaultDomainName): StormState | undefined {
    return this.#storms.has(faultDomain)
      ? this.#storms.get(faultDomain)
      : this.#base.storm(faultDomain);
  }

  storms(): Iterable<StormState> {
    return merge(this.#base.storms(), this.#storms, (storm) => storm.faultDomain);
  }

  nodes(): Iterable<NodeState> {
    return this.#nodes.size === 0
      ? this.#base.nodes()
      : merge(this.#base.nodes(), this.#nodes, nameOfNode);
  }

  roles(): Iterable<RoleState> {
    return this.#roles.size === 0
      ? this.#base.roles()
      : merge(this.#base.roles(), this.#roles, nameOfRole);
  }

  *runningOperations(): IterableIterator<OperationState> {
    for (const operation of this.#base.runningOperations()) {
      const present = this.operation(operation.id);
      if (present?.status === "running") yield present;
    }
    for (const [id, operation] of this.#operations) {
      if (operation?.status === "running" && this.#base.operation(id) === undefined)
        yield operation;
    }
  }

  setNode(name: NodeName, value: NodeState | undefined): void {
    this.#faultDomains.change(this.node(name), value);
    this.#nodes.set(name, value);
  }

  setForgottenNode(name: NodeName, value: NodeState | undefined): void {
    this.#forgotten.set(name, value);
  }

  setRole(name: RoleName, value: RoleState | undefined): void {
    this.#roles.set(name, value);
  }

  setGroupReplica(id: number, value: GroupReplicaState | undefined): void {
    this.#replicas.set(id, value);
  }

  setSight(domain: string, value: SightState | undefined): void {
    this.#sights.set(domain, value);
  }

  setAction(id: ActionId, value: ActionState | undefined): void {
    this.#actions.set(id, value);
  }

  setOperation(id: OperationId, value: OperationState | undefined): void {
    if (this.operation(id)?.status === "running") this.#runningOperationCount -= 1;
    if (value?.status === "running") this.#runningOperationCount += 1;
    this.#operations.set(id, value);
  }

  setOperationCount(count: number): void {
    this.#operationCount = count;
  }

  setStorm(faultDomain: FaultDomainName, value: StormState | undefined): void {
    this.#storms.set(faultDomain, value);
  }

  setLimits(limits: LimitsState): void {
    this.#limits = limits;
  }

  setPause(pause: PauseState | undefined): void {
    this.#pause = pause;
  }

  setRequest(requestId: string, value: RequestState | undefined): void {
    this.#requests.set(requestId, value);
  }

  setEntry(stampMs: number, stream: StreamPosition | undefined): void {
    this.#stampMs = stampMs;
    this.#stream = stream;
  }

  oldestFinishedOperation(): OperationId | undefined {
    return undefined;
  }

  finishedOperationCount(): number {
    return 0;
  }

  oldestRequest(): string | undefined {
    return undefined;
  }

  requestCount(): number {
    return 0;
  }

  oldestForgottenNode(): NodeName | undefined {
    return undefined;
  }

  forgottenNodeCount(): number {
    return 0;
  }

  /** Those that were forgotten on this draft. */
  forgottenNodes(): Iterable<NodeState> {
    return [...this.#forgotten.values()].filter((node) => node !== undefined);
  }
}

function nameOfNode(node: NodeState): NodeName {
  return node.name;
}

function domainOf(sight: SightState): string {
  return sight.domain;
}

function nameOfRole(role: RoleState): RoleName {
  return role.spec.name;
}

/** Walks over both in order of names; where both have one, over the change. */
function* merge<K extends string, V>(
  base: Iterable<V>,
  changes: ReadonlyMap<K, V | undefined>,
  nameOf: (value: V) => K,
): IterableIterator<V> {
  const names = [...changes.keys()].toSorted(compareText);
  let next = 0;
  for (const value of base) {
    const name = nameOf(value);
    for (; next < names.length && compareText(names[next] as K, name) < 0; next += 1) {
      const changed = changes.get(names[next] as K);
      if (changed !== undefined) yield changed;
    }
    if (names[next] !== name) {
      yield value;
      continue;
    }
    const changed = changes.get(name);
    if (changed !== undefined) yield changed;
    next += 1;
  }
  for (; next < names.length; next += 1) {
    const changed = changes.get(names[next] as K);
    if (changed !== undefined) yield changed;
  }
}
