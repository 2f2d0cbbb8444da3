/**
 * The answer to a command: events, or a no.
 */
import type { DomainEvent } from "./event.ts";
import type { OperationId } from "./names.ts";
import type { Rejection } from "./rejection.ts";

export interface Decided {
  readonly type: "decided";
  /** In order. Empty when everything is as asked for already. */
  readonly events: readonly DomainEvent[];
  /** The handle for what takes time; empty when nothing does. */
  readonly operation: OperationId | "";
}

export type Decision = Decided | Rejection;

export function decided(events: readonly DomainEvent[], operation: OperationId | "" = ""): Decided {
  return { type: "decided", events, operation };
}

/** Nothing has to change. */
export const UNCHANGED: Decided = decided([]);
