/**
 * What events make of actions, and of the node they are for.
 *
 * An action is open until the first event that ends it; later ones change nothing. Of the finished
 * ones a node keeps the newest few.
 */
import { withoutWithheld } from "./cancel-action.ts";
import { disruptedByPlan, withSettled } from "./disruption.ts";
import { mapOrEmpty } from "./empty-map.ts";
import type { ActionEvent } from "./event.ts";
import { digestOf, failuresAfterAction, withoutFailure } from "./failures.ts";
import type { ActionId, NodeName } from "./names.ts";
import { FINISHED_ACTIONS_PER_NODE_MAX } from "./state.ts";
import type {
  ActionState,
  ActionStatus,
  FailureCount,
  NodeState,
  Since,
  StateStore,
} from "./state.ts";

type Planned = Extract<ActionEvent, { type: "actionPlanned" }>;
type Ended = Exclude<ActionEvent, Planned | { type: "actionCancelRequested" }>;

interface Ending {
  readonly status: Exclude<ActionStatus, "planned">;
  readonly reason: string;
  readonly durationMs: number;
}

export function evolveActionPlanned(store: StateStore, event: Planned, since: Since): void {
  if (store.node(event.node) === undefined) return;
  const replaced = store.node(event.node)?.open.get(event.target);
  if (replaced !== undefined) {
    end(
      store,
      replaced,
      { status: "cancelled", reason: "replaced by a newer action", durationMs: 0 },
      since,
    );
  }
  const node = store.node(event.node) as NodeState;
  const { action: id, generation, target, order, cause, attempt, deadlineMs } = event;
  store.setAction(id, {
    id,
    node: node.name,
    generation,
    target,
    order,
    cause,
    attempt,
    deadlineMs,
    status: "planned",
    planned: since,
    reason: "",
    durationMs: 0,
  });
  const failed = node.failures.get(target);
  const anew = failed !== undefined && failed.digest !== digestOf(order);
  store.setNode(node.name, {
    ...node,
    generation: Math.max(node.generation, generation),
    open: new Map(node.open).set(target, id),
    failures: anew ? withoutFailure(node.failures, target) : node.failures,
    withheld: withoutWithheld(node, target),
    disrupted: disruptedByPlan(node, event, since),
  });
}

export function evolveActionEnded(store: StateStore, event: Ended, since: Since): void {
  end(store, event.action, endingOf(event), since);
}

/** Ends what is open on a node whose past does not count any more. */
export function cancelOpenActions(
  store: StateStore,
  name: NodeName,
  reason: string,
  since: Since,
): void {
  for (const id of store.node(name)?.open.values() ?? []) {
    end(store, id, { status: "cancelled", reason, durationMs: 0 }, since);
  }
}

function endingOf(event: Ended): Ending {
  switch (event.type) {
    case "actionSucceeded":
      return { status: "succeeded", reason: "", durationMs: event.durationMs };
    case "actionFailed":
      return { status: "failed", reason: event.reason, durationMs: event.durationMs };
    case "actionTimedOut":
      return { status: "timedOut", reason: "no result before its deadline", durationMs: 0 };
    case "actionCancelled":
      return { status: "cancelled", reason: event.reason, durationMs: 0 };
  }
}

function end(store: StateStore, id: ActionId, ending: Ending, since: Since): void {
  const action = store.action(id);
  if (action === undefined || action.status !== "planned") return;
  const ended: ActionState = { ...action, ...ending, ended: since };
  store.setAction(id, ended);
  const node = store.node(action.node);
  if (node === undefined) return;
  const open = new Map(node.open);
  if (open.get(action.target) === id) open.delete(action.target);
  const finished = [...node.finished, id];
  while (finished.length > FINISHED_ACTIONS_PER_NODE_MAX) {
    store.setAction(finished.shift() as ActionId, undefined);
  }
  const failures = failuresAfterEnd(node, ended, since);
  const { wiped, ...rest } = node;
  // The first success after a wipe: the node is on its way again.
  const still = wiped === undefined || ended.status === "succeeded" ? {} : { wiped };
  store.setNode(
    node.name,
    withSettled(store, { ...rest, ...still, open: mapOrEmpty(open), finished, failures }),
  );
}

function failuresAfterEnd(
  node: NodeState,
  action: ActionState,
  since: Since,
): ReadonlyMap<ActionState["target"], FailureCount> {
  switch (action.status) {
    case "failed":
    case "timedOut":
      return failuresAfterAction(node, action, action.reason, since);
    case "succeeded": {
      const { type } = action.order;
      const started = type === "startService" || type === "restartService";
      return started ? node.failures : withoutFailure(node.failures, action.target);
    }
    case "planned":
    case "cancelled":
      return node.failures;
  }
}
