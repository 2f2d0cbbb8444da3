/**
 * What a datacenter knows: the result of evolving over its log.
 *
 * Aggregates are immutable values; a store maps names to them and replaces them whole. `StateView`
 * is what deciding and planning may see. Walks over all aggregates are in sorted order, so that
 * equal states give equal bytes.
 */
import type { ActionLimits } from "./action-limits.ts";
import type { Claimant } from "./claimant.ts";
import type { Cause, OperationKind, StreamPosition } from "./event.ts";
import type { FactLane, FileObservation, OutboxPosition, ServiceObservation } from "./fact.ts";
import type { FaultDomainName, FaultDomainTally } from "./fault-domain.ts";
import type { Inventory } from "./inventory.ts";
import type { ActionId, NodeName, OperationId, RoleName, ServiceKey, TargetKey } from "./names.ts";
import type { Order } from "./order.ts";
import type { Location, RoleSpec } from "./role.ts";

/** When something became as it is: the log index of the event, and its stamp. */
export interface Since {
  readonly index: number;
  readonly stampMs: number;
}

export type Presence = "alive" | "suspected" | "lost";

export interface NodeState {
  readonly name: NodeName;
  /** Log index of the last event about what users set on this node; the etag. */
  readonly revision: number;
  readonly discovered: Since;
  readonly incarnation: string;
  readonly watermark: OutboxPosition;
  readonly agentVersion: string;
  readonly bootId: string;
  readonly presence: Presence;
  readonly presenceSince: Since;
  readonly labels: Readonly<Record<string, string>>;
  readonly location: Location;
  /** Explicitly assigned roles, sorted. */
  readonly assignedRoles: readonly RoleName[];
  readonly maintenance?: { readonly reason: string; readonly actor: string; readonly since: Since };
  readonly inventory?: { readonly value: Inventory; readonly since: Since };
  /** The inventory is another one by now: its agent is to tell the whole. */
  readonly inventoryOutdated?: true;
  readonly services: ReadonlyMap<ServiceKey, ObservedService>;
  readonly files: ReadonlyMap<string, ObservedFile>;
  /** Facts that its agent had no room for, by lane, since the node was discovered or wiped. */
  readonly dropped?: ReadonlyMap<FactLane, DroppedCount>;
  /**
   * Of the last planned action; grows by one with each, and never starts again: ids of actions are
   * unique for ever.
   */
  readonly generation: number;
  /** Actions that are not finished, by target. */
  readonly open: ReadonlyMap<TargetKey, ActionId>;
  /** Finished actions still kept, oldest first; at most {@link FINISHED_ACTIONS_PER_NODE_MAX}. */
  readonly finished: readonly ActionId[];
  /** Failures in a row, for backoff; only targets that have failed. What counts: failures.ts. */
  readonly failures: ReadonlyMap<TargetKey, FailureCount>;
  /** Targets whose last action a user took back, oldest first. What ends it: cancel-action.ts. */
  readonly withheld: ReadonlyMap<TargetKey, Withheld>;
  /** Targets that worked, were acted upon, and are not well again. What ends it: disruption.ts. */
  readonly disrupted: ReadonlyMap<TargetKey, Disruption>;
  /** Its restart: what is seen as crashed by the same entry ended with it. */
  readonly rebooted?: Since;
  /** It lost what was on it, and nothing has succeeded there since. */
  readonly wiped?: Since;
  /** Present while more than one agent speaks under its name. */
  readonly conflict?: ConflictState;
  /** For an agent that is not the one the log goes on with: what it need not tell again. */
  readonly left?: LeftOutbox;
}

/** Where the log stood in an outbox before it went on with another boot or incarnation. */
export interface LeftOutbox {
  readonly incarnation: string;
  readonly watermark: OutboxPosition;
}

export interface ConflictState {
  /** As they were when it began, by instance. */
  readonly claimants: readonly Claimant[];
  readonly since: Since;
}

/** Something that worked was taken away by an action and is not back. */
export interface Disruption {
  /** The newest one for the target. */
  readonly action: ActionId;
  /** What it works towards; empty when it removes. */
  readonly digest: string;
  /** Of the first action. */
  readonly since: Since;
}

export interface Withheld {
  readonly action: ActionId;
  /** Of the specification that the action was for: another one is wanted anew. */
  readonly digest: string;
  readonly reason: string;
  readonly actor: string;
  readonly since: Since;
}

export const FINISHED_ACTIONS_PER_NODE_MAX = 20;

export interface ObservedService extends ServiceObservation {
  /**
   * Since when this run has this status. A new reason for the same status of the same run does not
   * move it.
   */
  readonly since: Since;
}

export interface ObservedFile extends FileObservation {
  readonly since: Since;
}

export interface DroppedCount {
  /** 1 or more. */
  readonly count: number;
  /** When the last of them were told. */
  readonly last: Since;
}

export interface FailureCount {
  /** 1 or more. */
  readonly count: number;
  readonly last: Since;
  readonly reason: string;
  /** Digest of the specification that failed: another one starts counting anew. */
  readonly digest: string;
}

export interface RoleState {
  readonly spec: RoleSpec;
  /** Log index of the event that applied it; the etag. */
  readonly revision: number;
  readonly since: Since;
}

export type ActionStatus = "planned" | "succeeded" | "failed" | "timedOut" | "cancelled";

export interface ActionState {
  readonly id: ActionId;
  readonly node: NodeName;
  readonly generation: number;
  readonly target: TargetKey;
  readonly order: Order;
  readonly cause: Cause;
  readonly attempt: number;
  readonly deadlineMs: number;
  readonly status: ActionStatus;
  readonly planned: Since;
  /** Present once it is not `planned` any more. */
  readonly ended?: Since;
  readonly reason: string;
  readonly durationMs: number;
}

export type OperationStatus = "running" | "succeeded" | "cancelled";

export interface OperationState {
  readonly id: OperationId;
  readonly kind: OperationKind;
  readonly description: string;
  readonly nodes: readonly NodeName[];
  readonly actor: string;
  readonly status: OperationStatus;
  readonly started: Since;
  readonly ended?: Since;
  readonly reason: string;
}

export interface RequestState {
  readonly requestId: string;
  readonly digest: string;
  readonly operation: OperationId | "";
  readonly since: Since;
}

export const OPERATIONS_RUNNING_MAX = 10_000;
export const OPERATIONS_FINISHED_MAX = 1_000;
/** Some ten seconds of requests at full speed: a repetition later than that is another request. */
export const REQUESTS_MAX = 50_000;
export const FORGOTTEN_NODES_MAX = 1_000;
export const OPEN_ACTIONS_PER_NODE_MAX = 256;
export const ASSIGNED_ROLES_PER_NODE_MAX = 64;

/** Where a replica of the control plane's own group serves, and whether it is wanted. */
export interface GroupReplicaState {
  readonly id: number;
  /** host:port */
  readonly address: string;
  /** The replica that leaves once this one votes; 0 for none. */
  readonly replaces: number;
  readonly status: GroupReplicaStatus;
  readonly since: Since;
}

/** `retired`: to be taken out of the group. */
export type GroupReplicaStatus = "wanted" | "retired";

/** A fault domain of which sight was lost. */
export interface SightState {
  readonly domain: string;
  readonly silent: number;
  readonly nodes: number;
  readonly since: Since;
}

/** Why, by whom and since when nothing new is ordered in the whole datacenter. */
export interface PauseState {
  readonly reason: string;
  readonly actor: string;
  readonly since: Since;
}

/** The limits that people have set, why, by whom and since when. */
export interface LimitsState {
  readonly limits: ActionLimits;
  readonly reason: string;
  readonly actor: string;
  readonly since: Since;
}

/** Healing is held in a fault domain in which too many nodes ail at once. */
export interface StormState {
  readonly faultDomain: FaultDomainName;
  /** How it was when it began. */
  readonly nodes: number;
  readonly of: number;
  readonly sharePercent: number;
  readonly since: Since;
  /** Present once a person let healing go on. */
  readonly release?: { readonly reason: string; readonly actor: string; readonly since: Since };
}

/** What deciding, planning and answering may see. */
export interface StateView {
  /** Stamp of the last entry; 0 before the first. */
  readonly stampMs: number;
  readonly stream: StreamPosition | undefined;
  /** Operations ever started. */
  readonly operationCount: number;
  readonly runningOperationCount: number;
  /** Undefined: actions are not paused. */
  readonly pause: PauseState | undefined;
  /** Undefined: those of action-limits.ts. */
  readonly limits: LimitsState | undefined;
  node(name: NodeName): NodeState | undefined;
  /**
   * What is kept of a forgotten node: what was observed of it, its watermark and its generation.
   * When it comes back its facts go on where they ended, none lost or taken twice, and no id of an
   * action is used again.
   */
  forgottenNode(name: NodeName): NodeState | undefined;
  role(name: RoleName): RoleState | undefined;
  action(id: ActionId): ActionState | undefined;
  operation(id: OperationId): OperationState | undefined;
  request(requestId: string): RequestState | undefined;
  /** Sorted by name. */
  nodes(): Iterable<NodeState>;
  roles(): Iterable<RoleState>;
  groupReplica(id: number): GroupReplicaState | undefined;
  /** By id. */
  groupReplicas(): Iterable<GroupReplicaState>;
  /** By their domain. */
  sights(): Iterable<SightState>;
  faultDomain(name: FaultDomainName): FaultDomainTally;
  /** Of a fault domain, in no order. */
  disruptedNodes(name: FaultDomainName): Iterable<NodeName>;
  /** Of a fault domain, in no order. */
  ailingNodes(name: FaultDomainName): Iterable<NodeName>;
  storm(faultDomain: FaultDomainName): StormState | undefined;
  /** Sorted by fault domain. */
  storms(): Iterable<StormState>;
  /** Operations that run, in order of their start. */
  runningOperations(): Iterable<OperationState>;
}

/** What `evolve` writes to. `undefined` removes. */
export interface StateStore extends StateView {
  setNode(name: NodeName, value: NodeState | undefined): void;
  setForgottenNode(name: NodeName, value: NodeState | undefined): void;
  setRole(name: RoleName, value: RoleState | undefined): void;
  setGroupReplica(id: number, value: GroupReplicaState | undefined): void;
  setSight(domain: string, value: SightState | undefined): void;
  setAction(id: ActionId, value: ActionState | undefined): void;
  setOperation(id: OperationId, value: OperationState | undefined): void;
  setOperationCount(count: number): void;
  setStorm(faultDomain: FaultDomainName, value: StormState | undefined): void;
  setPause(pause: PauseState | undefined): void;
  setLimits(limits: LimitsState): void;
  setRequest(requestId: string, value: RequestState | undefined): void;
  setEntry(stampMs: number, stream: StreamPosition | undefined): void;
  /** In order of recording: the oldest of these are dropped past their bounds. */
  oldestFinishedOperation(): OperationId | undefined;
  finishedOperationCount(): number;
  oldestRequest(): string | undefined;
  requestCount(): number;
  oldestForgottenNode(): NodeName | undefined;
  forgottenNodeCount(): number;
  /** In order of forgetting. */
  forgottenNodes(): Iterable<NodeState>;
}

/**
 * All there is, in an order that is the same wherever the same log was applied: what a snapshot
 * holds.
 */
export interface WholeState extends StateView {
  /** In order of their end. */
  finishedOperations(): Iterable<OperationState>;
  /** In order of recording. */
  requests(): Iterable<RequestState>;
  /** In order of forgetting. */
  forgottenNodes(): Iterable<NodeState>;
}
