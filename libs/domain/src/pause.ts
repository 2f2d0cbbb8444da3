/**
 * The pause switch of a whole datacenter: while it is on, nothing new is ordered on any node.
 *
 * What runs ends, and its result is taken in; observing goes on as ever. It says nothing about why
 * a single node is held: that is its maintenance.
 */
import { isPrintable } from "./check-labels.ts";
import { decided, UNCHANGED } from "./decision.ts";
import type { Decision } from "./decision.ts";
import type { PauseEvent } from "./event.ts";
import type { NodeState, PauseState, Since, StateStore, StateView } from "./state.ts";
import { rejected } from "./rejection.ts";
import type { Rejection } from "./rejection.ts";

export const REASON_LENGTH_MAX = 500;

/** Paused already: the new reason replaces the old one. */
export function decidePause(view: StateView, given: string): Decision {
  const reason = given.trim();
  const refusal = refuseReason("a pause", "datacenter", reason);
  if (refusal !== undefined) return refusal;
  if (view.pause?.reason === reason) return UNCHANGED;
  return decided([{ type: "actionsPaused", reason }]);
}

export function decideResume(view: StateView): Decision {
  if (view.pause === undefined) return rejected("failedPrecondition", "actions are not paused");
  return decided([{ type: "actionsResumed" }]);
}

export function evolvePause(
  store: StateStore,
  event: PauseEvent,
  since: Since,
  actor: string,
): void {
  store.setPause(
    event.type === "actionsPaused" ? { reason: event.reason, actor, since } : undefined,
  );
}

/** For example `paused by ada since #41: the switch is replaced`. */
export function pauseText({ actor, reason, since }: PauseState): string {
  return `paused by ${actor} since #${since.index}: ${reason}`;
}

/** Whether the agent must not restart services by its own standing orders either. */
export function keepsStill(view: StateView, node: NodeState): boolean {
  const ownReason = node.maintenance ?? node.conflict;
  return ownReason !== undefined || view.pause !== undefined;
}

/** The no to a reason that is missing, too long or not printable. */
export function refuseReason(what: string, subject: string, reason: string): Rejection | undefined {
  if (reason.length > 0 && reason.length <= REASON_LENGTH_MAX && isPrintable(reason)) {
    return undefined;
  }
  const allowed = `1 to ${REASON_LENGTH_MAX} printable characters`;
  const text = `${what} needs a reason of ${allowed}, it has ${reason.length}`;
  return rejected("invalidArgument", text, [{ subject, path: "reason", reason: text }]);
}
