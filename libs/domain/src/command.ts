/**
 * What is asked of a datacenter.
 *
 * Commands come from the API, from agents' messages and from the leader's own planner and detector.
 * They are decided once, on the leader, and never logged; only the events they lead to are.
 */
import type { ActionLimits } from "./action-limits.ts";
import type { Claimant } from "./claimant.ts";
import type { Cause } from "./event.ts";
import type { FaultDomainName } from "./fault-domain.ts";
import type { FactBatch } from "./fact.ts";
import type { ActionId, NodeName, OperationId, RoleName, TargetKey } from "./names.ts";
import type { Order } from "./order.ts";
import type { Location, RoleSpec } from "./role.ts";

/** From users, by way of a gateway. */
export type UserCommand =
  | { readonly type: "applyRoles"; readonly roles: readonly RoleSpec[] }
  | { readonly type: "deleteRole"; readonly role: RoleName }
  | { readonly type: "assignRole"; readonly node: NodeName; readonly role: RoleName }
  | { readonly type: "unassignRole"; readonly node: NodeName; readonly role: RoleName }
  | {
      readonly type: "updateNode";
      readonly node: NodeName;
      /** Replaces all labels; absent: unchanged. */
      readonly labels?: Readonly<Record<string, string>>;
      readonly location?: Location;
      /** The revision the caller saw; 0 for any. */
      readonly revision: number;
    }
  | { readonly type: "startMaintenance"; readonly node: NodeName; readonly reason: string }
  | { readonly type: "endMaintenance"; readonly node: NodeName }
  /** Only a lost node may be forgotten. */
  | { readonly type: "forgetNode"; readonly node: NodeName }
  /** Nothing new is ordered on any node until actions are resumed. */
  | { readonly type: "pauseActions"; readonly reason: string }
  | { readonly type: "resumeActions" }
  /** How much is taken away, and how much healed, at once; what is absent stays as it is. */
  | {
      readonly type: "setActionLimits";
      readonly limits: Partial<ActionLimits>;
      readonly reason: string;
    }
  /** Healing goes on in the fault domain although many of its nodes ail. */
  | {
      readonly type: "releaseStorm";
      readonly faultDomain: FaultDomainName;
      readonly reason: string;
    }
  /** What its agent has begun is not torn off half-way. */
  | { readonly type: "cancelAction"; readonly action: ActionId; readonly reason: string }
  | { readonly type: "cancelOperation"; readonly operation: OperationId }
  | {
      readonly type: "addReplica";
      readonly replica: number;
      /** host:port */
      readonly address: string;
      /** The replica that leaves once this one votes; 0 for none. */
      readonly replaces: number;
    }
  | { readonly type: "removeReplica"; readonly replica: number }
  /** By the group keeper, once it is out of the group. */
  | { readonly type: "forgetReplica"; readonly replica: number };

/** What the planner wants to be logged. */
export type PlannerDecision =
  | {
      readonly type: "plan";
      readonly node: NodeName;
      readonly target: TargetKey;
      readonly order: Order;
      readonly cause: Cause;
      readonly attempt: number;
      readonly timeoutMs: number;
    }
  /** What was disrupted has been well for a while. */
  | { readonly type: "settle"; readonly node: NodeName; readonly target: TargetKey }
  /** A storm may have ended. */
  | { readonly type: "reviewStorm"; readonly faultDomain: FaultDomainName }
  | { readonly type: "timeOut"; readonly node: NodeName; readonly action: ActionId }
  /** The agent refused the order: it will not run. */
  | {
      readonly type: "fail";
      readonly node: NodeName;
      readonly action: ActionId;
      readonly reason: string;
    }
  | {
      readonly type: "cancel";
      readonly node: NodeName;
      readonly action: ActionId;
      readonly reason: string;
    }
  | { readonly type: "completeOperation"; readonly operation: OperationId };

export type InternalCommand =
  | { readonly type: "acceptFacts"; readonly batch: FactBatch }
  | {
      readonly type: "reportPresence";
      readonly node: NodeName;
      readonly presence: "alive" | "suspected" | "lost";
      readonly silentMs: number;
    }
  /** Who speaks under the name of a node: two or more in turn, or one alone for a while. */
  | {
      readonly type: "reportClaimants";
      readonly node: NodeName;
      /** By instance. */
      readonly claimants: readonly Claimant[];
    }
  /** Many nodes of a fault domain fell silent together, or that is over. */
  | {
      readonly type: "reportSight";
      readonly domain: string;
      readonly lost: boolean;
      readonly silent: number;
      /** 0 when it is over. */
      readonly nodes: number;
    }
  /**
   * Decisions that no longer fit the state are left out, not refused: the planner will look again.
   */
  | { readonly type: "carryOutPlan"; readonly decisions: readonly PlannerDecision[] };

export type Command = UserCommand | InternalCommand;

export interface CommandContext {
  /** The stamp that the entry will carry. */
  readonly nowMs: number;
  /** The index that the entry is expected to get; for texts and ids only, never relied upon. */
  readonly actor: string;
  /** From API callers; empty for internal commands. */
  readonly requestId: string;
}
