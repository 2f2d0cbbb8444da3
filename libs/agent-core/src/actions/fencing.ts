/**
 * Which orders an agent refuses, and why: the guard against two voices.
 *
 * Pure. An order of an older term comes from a deposed leader; one of an older generation for its
 * target is overtaken; one for another incarnation or instance was meant for what stood here
 * before, or for a copy. An order
 * that was taken already is accepted again, so that its repetition is harmless. Maintenance refuses
 * nothing by itself: the planner respects it.
 */
import type { ActionId, TargetKey } from "@atoll/domain";
import type { TargetMark } from "./action-entry.ts";

export interface FencedOrder {
  readonly term: number;
  readonly action: ActionId;
  readonly generation: number;
  readonly target: TargetKey;
  readonly incarnation: string;
  /** Absent when the log does not know whose facts it has. */
  readonly instance?: string;
}

export interface FencingView {
  readonly incarnation: string;
  /** Of this start of the agent; absent when it does not name itself. */
  readonly instance?: string;
  /** The newest seen. */
  readonly term: number;
  /** `observe`: the agent only looks. */
  readonly mode: "act" | "observe";
  /** Why nothing can be stored; undefined when it can. */
  readonly storageFailure: string | undefined;
  isKnown(action: ActionId): boolean;
  /** It was taken back before it began. */
  isWithdrawn(action: ActionId): boolean;
  newest(target: TargetKey): TargetMark | undefined;
}

type RefusalCode =
  | "staleTerm"
  | "staleGeneration"
  | "otherIncarnation"
  | "otherInstance"
  | "unable";

export type Verdict =
  | { readonly type: "take" }
  | { readonly type: "known" }
  | {
      readonly type: "refuse";
      readonly code: RefusalCode;
      readonly reason: string;
    };

export function judgeOrder(order: FencedOrder, view: FencingView): Verdict {
  if (order.incarnation !== view.incarnation) {
    return refuse("otherIncarnation", `this is ${view.incarnation}, not ${order.incarnation}`);
  }
  if (isForAnother(order.instance, view.instance)) {
    return refuse("otherInstance", `this is ${view.instance}, not ${order.instance}`);
  }
  if (order.term < view.term) {
    return refuse("staleTerm", `term ${order.term} is over, term ${view.term} was seen`);
  }
  if (view.mode === "observe") return refuse("unable", "this agent only observes");
  if (view.isWithdrawn(order.action)) return refuse("unable", "it was withdrawn before it began");
  if (view.isKnown(order.action)) return { type: "known" };
  const newest = view.newest(order.target);
  if (newest !== undefined && order.generation <= newest.generation) {
    const { action, generation } = newest;
    const reason = `${action} of generation ${generation} is newer for ${order.target}`;
    return refuse("staleGeneration", reason);
  }
  if (view.storageFailure !== undefined) {
    return refuse("unable", `the agent cannot store: ${view.storageFailure}`);
  }
  return { type: "take" };
}

/** Whether an order names another start of the agent, or a copy of it, than this one. */
export function isForAnother(named: string | undefined, own: string | undefined): boolean {
  return named !== undefined && own !== undefined && named !== own;
}

function refuse(code: RefusalCode, reason: string): Verdict {
  return { type: "refuse", code, reason };
}
