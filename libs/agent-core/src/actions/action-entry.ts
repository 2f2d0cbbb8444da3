/**
 * An action as the journal knows it.
 */
import type { ActionId, Order, TargetKey } from "@atoll/domain";

export interface ActionResult {
  readonly outcome: "succeeded" | "failed";
  /** Empty when it succeeded. */
  readonly reason: string;
  readonly durationMs: number;
}

export interface ActionEntry {
  readonly action: ActionId;
  readonly target: TargetKey;
  readonly generation: number;
  /** Of the leader that ordered it. */
  readonly term: number;
  /** Counts the actions of this journal; orders them. */
  readonly number: number;
  /** What is to be done; absent once it is finished. */
  readonly order?: Order;
  readonly timeoutMs: number;
  /** Present once it is finished. */
  readonly result?: ActionResult;
  /** It was taken back before it began: it never will. */
  readonly withdrawn?: true;
}

/** The newest action of a target. */
export interface TargetMark {
  readonly generation: number;
  readonly action: ActionId;
}
