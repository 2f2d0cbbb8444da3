/**
 * What happened in a datacenter, for ever.
 *
 * Events are the content of the log. A type, once released, keeps its meaning; a new meaning is a
 * new type. `evolve` takes every one of them without a throw. Recipe for a new one:
 * CONTRIBUTING.md, "Add an event".
 */
import type { ActionLimits } from "./action-limits.ts";
import type { Claimant } from "./claimant.ts";
import type { FaultDomainName } from "./fault-domain.ts";
import type { DroppedFacts, FileObservation, OutboxPosition, ServiceObservation } from "./fact.ts";
import type { Inventory } from "./inventory.ts";
import type { ActionId, NodeName, OperationId, RoleName, ServiceKey, TargetKey } from "./names.ts";
import type { Order } from "./order.ts";
import type { Location, RoleSpec } from "./role.ts";

export type DomainEvent =
  | NodeEvent
  | RoleEvent
  | ActionEvent
  | OperationEvent
  | GroupEvent
  | SightEvent
  | PauseEvent
  | LimitsEvent
  | StormEvent
  | {
      /** Remembers an API request, so that its repetition is harmless. */
      readonly type: "requestRecorded";
      readonly requestId: string;
      /** Of the command, so that another command under the same id is refused. */
      readonly digest: string;
      /** Empty when the command started none. */
      readonly operation: OperationId | "";
    };

/** About the replicas of the control plane's own Raft group. */
export type GroupEvent =
  /** It is wanted, at this address. */
  | {
      readonly type: "replicaAddressSet";
      readonly replica: number;
      /** host:port */
      readonly address: string;
      /** The replica that leaves once this one votes; 0 for none. */
      readonly replaces: number;
    }
  /** It is to leave the group. */
  | { readonly type: "replicaRetired"; readonly replica: number }
  /** It has left. */
  | { readonly type: "replicaForgotten"; readonly replica: number }
  /** The first entry of a group that was founded from a backup. */
  | {
      readonly type: "groupRestored";
      /** The new group's id. */
      readonly group: string;
      readonly previousGroup: string;
      readonly backupIndex: number;
    };

/** About a fault domain of which many nodes fell silent together. */
export type SightEvent =
  /** Verdicts on nodes that fell silent with it are put off. */
  | {
      readonly type: "sightLost";
      /** A fault domain, or `bus/` and a server of the bus. */
      readonly domain: string;
      readonly silent: number;
      /** Of so many, those that were lost before not counted. */
      readonly nodes: number;
    }
  /** They are judged again; so many are still silent. */
  | { readonly type: "sightRegained"; readonly domain: string; readonly silent: number };

/** About the pause switch of the whole datacenter. */
export type PauseEvent =
  | { readonly type: "actionsPaused"; readonly reason: string }
  | { readonly type: "actionsResumed" };

/** Those who may set how much is done at once have. */
export interface LimitsEvent {
  readonly type: "actionLimitsSet";
  /** All of them. */
  readonly limits: ActionLimits;
  readonly reason: string;
}

/** About the storm guard of a fault domain. */
export type StormEvent =
  /** Too many of its nodes ail at once: what would heal them is held. */
  | {
      readonly type: "stormHeld";
      readonly faultDomain: FaultDomainName;
      /** Nodes that ail. */
      readonly nodes: number;
      /** Nodes that there are. */
      readonly of: number;
      readonly sharePercent: number;
    }
  /** A person has looked: healing goes on. */
  | {
      readonly type: "stormReleased";
      readonly faultDomain: FaultDomainName;
      readonly reason: string;
    }
  /** No more than the share of its nodes ails. */
  | { readonly type: "stormEnded"; readonly faultDomain: FaultDomainName };

interface OfNode {
  readonly node: NodeName;
}

export type NodeEvent =
  | (OfNode & {
      readonly type: "nodeDiscovered";
      readonly incarnation: string;
      readonly labels: Readonly<Record<string, string>>;
    })
  /** The agent's data folder is another one: what was on the node is gone. */
  | (OfNode & {
      readonly type: "nodeWiped";
      readonly incarnation: string;
      /** Services and files that were known there. */
      readonly lost: number;
    })
  /** Replaces everything observed. */
  | (OfNode & {
      readonly type: "agentStarted";
      readonly agentVersion: string;
      readonly bootId: string;
      /** The node itself was restarted since its agent started last. */
      readonly rebooted: boolean;
      readonly services: readonly ServiceObservation[];
      readonly files: readonly FileObservation[];
    })
  | (OfNode & { readonly type: "inventoryChanged"; readonly inventory: Inventory })
  /** It differs from what the log holds, nobody here knows how: the whole is asked for. */
  | (OfNode & { readonly type: "inventoryOutdated" })
  | (OfNode & { readonly type: "serviceStatusChanged"; readonly service: ServiceObservation })
  | (OfNode & { readonly type: "serviceForgotten"; readonly key: ServiceKey })
  | (OfNode & {
      readonly type: "serviceRestartedAlone";
      readonly key: ServiceKey;
      readonly reason: string;
    })
  | (OfNode & { readonly type: "fileStatusChanged"; readonly file: FileObservation })
  | (OfNode & { readonly type: "fileForgotten"; readonly path: string })
  /** The agent had no room for facts: they are lost. */
  | (OfNode & DroppedFacts & { readonly type: "factsDropped" })
  /**
   * The watermark: every fact up to `through` has been taken in. Closes the events of one fact
   * batch.
   */
  | (OfNode & {
      readonly type: "factsAccepted";
      readonly incarnation: string;
      readonly through: OutboxPosition;
    })
  | (OfNode & { readonly type: "nodeSuspected"; readonly silentMs: number })
  | (OfNode & { readonly type: "nodeLost"; readonly silentMs: number })
  | (OfNode & { readonly type: "nodeReturned" })
  /** More than one agent speaks under its name: none of them is obeyed. */
  | (OfNode & { readonly type: "identityConflict"; readonly claimants: readonly Claimant[] })
  /** One of them alone has been heard for a while. */
  | (OfNode & { readonly type: "identityConflictEnded"; readonly remaining: Claimant })
  | (OfNode & {
      readonly type: "nodeUpdated";
      readonly labels: Readonly<Record<string, string>>;
      readonly location: Location;
    })
  | (OfNode & { readonly type: "roleAssigned"; readonly role: RoleName })
  | (OfNode & { readonly type: "roleUnassigned"; readonly role: RoleName })
  | (OfNode & { readonly type: "maintenanceStarted"; readonly reason: string })
  | (OfNode & { readonly type: "maintenanceEnded" })
  /** What was taken away by an action is back, and has been well for a while. */
  | (OfNode & { readonly type: "disruptionEnded"; readonly target: TargetKey })
  | (OfNode & { readonly type: "nodeForgotten" });

export type RoleEvent =
  | { readonly type: "roleApplied"; readonly role: RoleSpec }
  | { readonly type: "roleDeleted"; readonly role: RoleName };

/** Why an action was planned: for people, and the event it follows from. */
export interface Cause {
  readonly text: string;
  /** Log index of the event that made the difference; 0 when it was time itself. */
  readonly index: number;
}

export type ActionEvent =
  | (OfNode & {
      readonly type: "actionPlanned";
      readonly action: ActionId;
      readonly generation: number;
      readonly target: TargetKey;
      readonly order: Order;
      readonly cause: Cause;
      /** It takes away something that works. */
      readonly disruptive: boolean;
      /** Which try for this target this is, from 1. */
      readonly attempt: number;
      readonly deadlineMs: number;
    })
  | (OfNode & {
      readonly type: "actionSucceeded";
      readonly action: ActionId;
      readonly durationMs: number;
    })
  | (OfNode & {
      readonly type: "actionFailed";
      readonly action: ActionId;
      readonly reason: string;
      readonly durationMs: number;
    })
  | (OfNode & { readonly type: "actionTimedOut"; readonly action: ActionId })
  /** A user does not want it; it is cancelled when its agent has not begun it. */
  | (OfNode & {
      readonly type: "actionCancelRequested";
      readonly action: ActionId;
      readonly reason: string;
    })
  | (OfNode & {
      readonly type: "actionCancelled";
      readonly action: ActionId;
      readonly reason: string;
    });

export type OperationKind =
  | "applyRoles"
  | "deleteRole"
  | "assignRole"
  | "unassignRole"
  | "updateNode"
  | "endMaintenance";

export type OperationEvent =
  | {
      readonly type: "operationStarted";
      readonly operation: OperationId;
      readonly kind: OperationKind;
      readonly description: string;
      /** The nodes that must agree with what is wanted before it is done; sorted. */
      readonly nodes: readonly NodeName[];
    }
  | { readonly type: "operationSucceeded"; readonly operation: OperationId }
  | {
      readonly type: "operationCancelled";
      readonly operation: OperationId;
      readonly reason: string;
    };

/** An event with what its log entry says of it. */
export interface RecordedEvent {
  readonly event: DomainEvent;
  /** Who caused it: `agent/n1`, `planner`, `detector`, or the API caller's name. */
  readonly actor: string;
}

/** Where the events of one batch of agents' messages end in the datacenter's stream. */
export interface StreamPosition {
  /** When the stream was created, as its server says; another value means another stream. */
  readonly created: string;
  readonly sequence: number;
}

/** The content of one Raft entry. */
export interface LogEntry {
  /**
   * The leader's clock when it decided, never earlier than in the entry before. Milliseconds since
   * 1970.
   */
  readonly stampMs: number;
  /** Present when the entry takes in messages of the stream. */
  readonly stream?: StreamPosition;
  readonly events: readonly RecordedEvent[];
}

/** Where an event stands: log index, and place within its entry from 0. */
export interface EventPosition {
  readonly index: number;
  readonly offset: number;
  readonly stampMs: number;
}
