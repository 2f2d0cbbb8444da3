/**
 * Turns what the planner and the dispatcher want into events, as far as it still fits the state.
 *
 * Here an action gets its generation and id, unique for ever, and its deadline; and here is decided
 * how many nodes may be disrupted at the same time, one after another upon the draft. What does not
 * fit any more is left out without a word: the planner looks at the new state again and wants what
 * is right then.
 */
import { limitsOf } from "./action-limits.ts";
import type { CommandContext, PlannerDecision } from "./command.ts";
import { decided } from "./decision.ts";
import type { Decision } from "./decision.ts";
import { backSince, isDisruptive, refuseDisruption } from "./disruption.ts";
import { Draft } from "./draft.ts";
import type { DomainEvent } from "./event.ts";
import { evolve } from "./evolve.ts";
import type { ActionId, NodeName } from "./names.ts";
import { actionId } from "./names.ts";
import { decideStormEnd, guardStorm, healingOf, heals } from "./storm.ts";
import { OPEN_ACTIONS_PER_NODE_MAX } from "./state.ts";
import type { ActionState, StateView } from "./state.ts";

export function decideCarryOutPlan(
  view: StateView,
  decisions: readonly PlannerDecision[],
  context: CommandContext,
): Decision {
  const draft = new Draft(view);
  const events: DomainEvent[] = [];
  for (const decision of decisions) {
    const event = eventOf(draft, decision, context.nowMs);
    if (event === undefined) continue;
    const at = { index: Number.MAX_SAFE_INTEGER, offset: events.length, stampMs: context.nowMs };
    evolve(draft, event, at, context.actor);
    events.push(event);
  }
  return decided(events);
}

function eventOf(
  view: StateView,
  decision: PlannerDecision,
  nowMs: number,
): DomainEvent | undefined {
  switch (decision.type) {
    case "plan":
      return planned(view, decision, nowMs);
    case "reviewStorm":
      return decideStormEnd(view, decision.faultDomain);
    case "settle":
      return settled(view, decision, nowMs);
    case "timeOut": {
      const action = openAction(view, decision.node, decision.action);
      if (action === undefined || nowMs < action.deadlineMs) return undefined;
      return { type: "actionTimedOut", node: action.node, action: action.id };
    }
    case "fail": {
      const action = openAction(view, decision.node, decision.action);
      if (action === undefined) return undefined;
      const { reason } = decision;
      return { type: "actionFailed", node: action.node, action: action.id, reason, durationMs: 0 };
    }
    case "cancel": {
      const action = openAction(view, decision.node, decision.action);
      if (action === undefined) return undefined;
      return {
        type: "actionCancelled",
        node: action.node,
        action: action.id,
        reason: decision.reason,
      };
    }
    case "completeOperation": {
      const operation = view.operation(decision.operation);
      if (operation?.status !== "running") return undefined;
      return { type: "operationSucceeded", operation: operation.id };
    }
  }
}

function planned(
  view: StateView,
  decision: Extract<PlannerDecision, { type: "plan" }>,
  nowMs: number,
): DomainEvent | undefined {
  const node = view.node(decision.node);
  if (view.pause !== undefined) return undefined;
  if (node === undefined || node.maintenance !== undefined || node.presence === "lost")
    return undefined;
  if (node.conflict !== undefined) return undefined;
  const { target, order, cause, attempt, timeoutMs } = decision;
  if (node.open.has(target) || node.open.size >= OPEN_ACTIONS_PER_NODE_MAX) return undefined;
  const healing = healingOf(node, order);
  if (healing !== undefined && heals(node, healing)) {
    const guarded = guardStorm(view, node);
    if (guarded !== undefined) return guarded.event;
  }
  const disruptive = isDisruptive(node, order);
  if (disruptive && refuseDisruption(view, node, target) !== undefined) return undefined;
  const generation = node.generation + 1;
  return {
    type: "actionPlanned",
    node: node.name,
    action: actionId(node.name, generation),
    generation,
    target,
    order,
    cause,
    disruptive,
    attempt,
    deadlineMs: nowMs + timeoutMs,
  };
}

function settled(
  view: StateView,
  { node: name, target }: Extract<PlannerDecision, { type: "settle" }>,
  nowMs: number,
): DomainEvent | undefined {
  const node = view.node(name);
  const since = node === undefined ? undefined : backSince(node, target);
  if (since === undefined || nowMs < since.stampMs + limitsOf(view).settleMs) return undefined;
  return { type: "disruptionEnded", node: name, target };
}

function openAction(view: StateView, node: NodeName, id: ActionId): ActionState | undefined {
  const action = view.action(id);
  return action?.node === node && action.status === "planned" ? action : undefined;
}
