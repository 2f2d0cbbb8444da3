/**
 * The state of a datacenter: mutable maps of immutable aggregates.
 *
 * Access by name costs the same however many nodes there are; walks are sorted; a copy costs next
 * to nothing. Evolved by applying the log, on every replica and in every mirror. It holds no rules:
 * those are in `evolve`.
 */
import { compareText } from "@atoll/stdx";
import type { StreamPosition } from "./event.ts";
import { FaultDomainIndex } from "./fault-domain.ts";
import type { FaultDomainName, FaultDomainTally } from "./fault-domain.ts";
import type { ActionId, NodeName, OperationId, RoleName } from "./names.ts";
import { RecencyMap } from "./recency-map.ts";
import { SharedMap } from "./shared-map.ts";
import { SharedParts } from "./shared-parts.ts";
import { SortedNames } from "./sorted-names.ts";
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
  StormState,
  WholeState,
} from "./state.ts";

export class Datacenter implements StateStore, WholeState {
  #stampMs = 0;
  #stream: StreamPosition | undefined;
  #operationCount = 0;
  #pause: PauseState | undefined;
  #limits: LimitsState | undefined;
  #storms: Map<FaultDomainName, StormState> = new Map();
  #faultDomains: FaultDomainIndex = new FaultDomainIndex();
  #nodes: SharedMap<NodeName, NodeState> = new SharedMap();
  #nodeNames: SortedNames<NodeName> = new SortedNames();
  /** Of inventories. */
  readonly #parts: SharedParts = new SharedParts();
  #roles: Map<RoleName, RoleState> = new Map();
  #roleNames: SortedNames<RoleName> = new SortedNames();
  #actions: SharedMap<ActionId, ActionState> = new SharedMap();
  #running: RecencyMap<OperationId, OperationState> = new RecencyMap();
  #finished: RecencyMap<OperationId, OperationState> = new RecencyMap();
  #requests: RecencyMap<string, RequestState> = new RecencyMap();
  #forgotten: RecencyMap<NodeName, NodeState> = new RecencyMap();
  /** By id; few, and replaced as a whole. */
  #replicas: readonly GroupReplicaState[] = [];
  /** By domain; few, and replaced as a whole. */
  #sights: readonly SightState[] = [];

  get stampMs(): number {
    return this.#stampMs;
  }

  get stream(): StreamPosition | undefined {
    return this.#stream;
  }

  get operationCount(): number {
    return this.#operationCount;
  }

  get pause(): PauseState | undefined {
    return this.#pause;
  }

  get limits(): LimitsState | undefined {
    return this.#limits;
  }

  get runningOperationCount(): number {
    return this.#running.size;
  }

  get nodeCount(): number {
    return this.#nodeNames.values.length;
  }

  node(name: NodeName): NodeState | undefined {
    return this.#nodes.get(name);
  }

  forgottenNode(name: NodeName): NodeState | undefined {
    return this.#forgotten.get(name);
  }

  role(name: RoleName): RoleState | undefined {
    return this.#roles.get(name);
  }

  action(id: ActionId): ActionState | undefined {
    return this.#actions.get(id);
  }

  operation(id: OperationId): OperationState | undefined {
    return this.#running.get(id) ?? this.#finished.get(id);
  }

  request(requestId: string): RequestState | undefined {
    return this.#requests.get(requestId);
  }

  groupReplica(id: number): GroupReplicaState | undefined {
    return this.#replicas.find((replica) => replica.id === id);
  }

  groupReplicas(): readonly GroupReplicaState[] {
    return this.#replicas;
  }

  sights(): readonly SightState[] {
    return this.#sights;
  }

  faultDomain(name: FaultDomainName): FaultDomainTally {
    return this.#faultDomains.tally(name);
  }

  disruptedNodes(name: FaultDomainName): Iterable<NodeName> {
    return this.#faultDomains.disrupted(name);
  }

  ailingNodes(name: FaultDomainName): Iterable<NodeName> {
    return this.#faultDomains.ailing(name);
  }

  storm(faultDomain: FaultDomainName): StormState | undefined {
    return this.#storms.get(faultDomain);
  }

  storms(): Iterable<StormState> {
    return sortedStorms(this.#storms);
  }

  /** At most `most` names of nodes behind `name`, which need not be there; sorted. */
  nodeNamesAfter(name: string, most: number): readonly NodeName[] {
    return this.#nodeNames.after(name, most);
  }

  *nodes(): IterableIterator<NodeState> {
    for (const name of this.#nodeNames.values) yield this.#nodes.get(name) as NodeState;
  }

  *roles(): IterableIterator<RoleState> {
    for (const name of this.#roleNames.values) yield this.#roles.get(name) as RoleState;
  }

  runningOperations(): IterableIterator<OperationState> {
    return this.#running.values();
  }

  finishedOperations(): IterableIterator<OperationState> {
    return this.#finished.values();
  }

  requests(): IterableIterator<RequestState> {
    return this.#requests.values();
  }

  forgottenNodes(): IterableIterator<NodeState> {
    return this.#forgotten.values();
  }

  setNode(name: NodeName, value: NodeState | undefined): void {
    const before = this.#nodes.get(name);
    this.#faultDomains.change(before, value);
    if (value === undefined) {
      this.#nodes.delete(name);
      this.#nodeNames.delete(name);
      return;
    }
    if (before === undefined) this.#nodeNames.add(name);
    const { inventory } = value;
    const seen = inventory === undefined || inventory === before?.inventory;
    this.#nodes.set(name, seen ? value : { ...value, inventory: this.#parts.share(inventory) });
  }

  setForgottenNode(name: NodeName, value: NodeState | undefined): void {
    // Forgotten once more is forgotten last.
    this.#forgotten.delete(name);
    if (value !== undefined) this.#forgotten.set(name, value);
  }

  setRole(name: RoleName, value: RoleState | undefined): void {
    if (value === undefined) {
      this.#roles.delete(name);
      this.#roleNames.delete(name);
      return;
    }
    if (!this.#roles.has(name)) this.#roleNames.add(name);
    this.#roles.set(name, value);
  }

  setGroupReplica(id: number, value: GroupReplicaState | undefined): void {
    const others = this.#replicas.filter((replica) => replica.id !== id);
    const all = value === undefined ? others : [...others, value];
    this.#replicas = all.toSorted((left, right) => left.id - right.id);
  }

  setSight(domain: string, value: SightState | undefined): void {
    const others = this.#sights.filter((sight) => sight.domain !== domain);
    const all = value === undefined ? others : [...others, value];
    this.#sights = all.toSorted((left, right) => compareText(left.domain, right.domain));
  }

  setAction(id: ActionId, value: ActionState | undefined): void {
    if (value === undefined) this.#actions.delete(id);
    else this.#actions.set(id, value);
  }

  setOperation(id: OperationId, value: OperationState | undefined): void {
    if (value?.status === "running") {
      this.#running.set(id, value);
      return;
    }
    this.#running.delete(id);
    if (value === undefined) this.#finished.delete(id);
    else this.#finished.set(id, value);
  }

  setOperationCount(count: number): void {
    this.#operationCount = count;
  }

  setStorm(faultDomain: FaultDomainName, value: StormState | undefined): void {
    if (value === undefined) this.#storms.delete(faultDomain);
    else this.#storms.set(faultDomain, value);
  }

  setLimits(limits: LimitsState): void {
    this.#limits = limits;
  }

  setPause(pause: PauseState | undefined): void {
    this.#pause = pause;
  }

  setRequest(requestId: string, value: RequestState | undefined): void {
    if (value === undefined) this.#requests.delete(requestId);
    else this.#requests.set(requestId, value);
  }

  setEntry(stampMs: number, stream: StreamPosition | undefined): void {
    this.#stampMs = stampMs;
    this.#stream = stream;
  }

  oldestFinishedOperation(): OperationId | undefined {
    return this.#finished.oldest();
  }

  finishedOperationCount(): number {
    return this.#finished.size;
  }

  oldestRequest(): string | undefined {
    return this.#requests.oldest();
  }

  requestCount(): number {
    return this.#requests.size;
  }

  oldestForgottenNode(): NodeName | undefined {
    return this.#forgotten.oldest();
  }

  forgottenNodeCount(): number {
    return this.#forgotten.size;
  }

  /** The same state, from now on apart from this one. */
  copy(): Datacenter {
    const copy = new Datacenter();
    copy.#stampMs = this.#stampMs;
    copy.#stream = this.#stream;
    copy.#operationCount = this.#operationCount;
    copy.#pause = this.#pause;
    copy.#limits = this.#limits;
    copy.#storms = new Map(this.#storms);
    copy.#faultDomains = this.#faultDomains.copy();
    copy.#nodes = this.#nodes.copy();
    copy.#nodeNames = this.#nodeNames.copy();
    copy.#roles = new Map(this.#roles);
    copy.#roleNames = this.#roleNames.copy();
    copy.#actions = this.#actions.copy();
    copy.#running = this.#running.copy();
    copy.#finished = this.#finished.copy();
    copy.#requests = this.#requests.copy();
    copy.#forgotten = this.#forgotten.copy();
    copy.#replicas = this.#replicas;
    copy.#sights = this.#sights;
    return copy;
  }
}

function sortedStorms(storms: ReadonlyMap<FaultDomainName, StormState>): StormState[] {
  return [...storms.values()].toSorted((left, right) =>
    compareText(left.faultDomain, right.faultDomain),
  );
}
