/**
 * What planning finds on a node that is not as it should be, one finding per target.
 *
 * What is as wanted leaves no finding, so a node at rest costs nothing. Decisions, condition and
 * explanation are all made of these findings, so they cannot contradict each other.
 */
import type {
  ActionState,
  Cause,
  DatacenterName,
  FailureCount,
  NodeState,
  ServiceKey,
  Since,
  StateView,
  TargetKey,
} from "@atoll/domain";
import type { CompiledFile, CompiledService } from "./compiled-role.ts";
import type { Catalog, DesiredRole } from "./desired.ts";
import type { DoubtfulRole } from "./doubtful-role.ts";

/** What planning one node looks at. */
export interface Look {
  readonly view: StateView;
  readonly datacenter: DatacenterName;
  readonly node: NodeState;
  readonly nowMs: number;
  readonly catalog: Catalog;
  readonly roles: readonly DesiredRole[];
  readonly doubtful: readonly DoubtfulRole[];
}

interface OfFinding {
  /** A target key, or `node` for what concerns a whole role. */
  readonly subject: TargetKey | "node";
  /** What is the matter, as a sentence without a full stop. */
  readonly text: string;
  readonly detail: string;
  readonly since: Since | undefined;
  /** Failures in a row of this target with the specification that is wanted now. */
  readonly failures: FailureCount | undefined;
}

export type Finding =
  /** Something can be done now. */
  | (OfFinding & {
      readonly type: "act";
      readonly wish: Wish;
      readonly cause: Cause;
      /** What it waits for on other nodes, as things are; for people only. */
      readonly room: string | undefined;
    })
  /** Something is being done. */
  | (OfFinding & { readonly type: "open"; readonly action: ActionState })
  /** Something must happen first; `untilMs` when that something is time. */
  | (OfFinding & { readonly type: "wait"; readonly untilMs: number | undefined })
  /** It differs, and is to be left so. */
  | (OfFinding & { readonly type: "leave" });

/** An order that is not rendered yet. */
export type Wish =
  | { readonly type: "writeFile"; readonly role: DesiredRole; readonly file: CompiledFile }
  | {
      readonly type: "startService" | "restartService";
      readonly role: DesiredRole;
      readonly service: CompiledService;
    }
  | { readonly type: "removeFile"; readonly path: string }
  | { readonly type: "stopService"; readonly key: ServiceKey };

/** Findings being gathered, with what the condition needs to know of the rest. */
export interface Findings {
  readonly list: Finding[];
  /** The latest change among what is as wanted. */
  settledSince: Since;
  /** Wanted services and files that the agent knows of, whatever their status. */
  servicesKnown: number;
  filesKnown: number;
}

export function laterSince(left: Since, right: Since): Since {
  return right.index > left.index ? right : left;
}
