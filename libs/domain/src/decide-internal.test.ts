import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command, PlannerDecision } from "./command.ts";
import type { DomainEvent } from "./event.ts";
import type { OperationId } from "./names.ts";
import { given, n1, outcomeOf, sampleEvents, sampleOrders, webAppTarget } from "./testing/index.ts";

const { nodeDiscovered, nodeLost, nodeSuspected, actionPlanned, maintenanceStarted } = sampleEvents;

const plan: PlannerDecision = {
  type: "plan",
  node: n1,
  target: webAppTarget,
  order: sampleOrders.startService,
  cause: { text: "it is wanted", index: 4 },
  attempt: 1,
  timeoutMs: 60_000,
};

function carryOut(...decisions: PlannerDecision[]): Command {
  return { type: "carryOutPlan", decisions };
}

function report(presence: "alive" | "suspected" | "lost"): Command {
  return { type: "reportPresence", node: n1, presence, silentMs: 9_000 };
}

test("carryOutPlan gives an action its generation, id and deadline", () => {
  const decision = given(nodeDiscovered).when(carryOut(plan), { nowMs: 5_000 });
  assert.deepEqual(outcomeOf(decision), [{ ...actionPlanned, deadlineMs: 65_000 }]);
});

test("carryOutPlan plans one action per target, also within one plan", () => {
  const other: PlannerDecision = {
    ...plan,
    target: "file:/etc/app.conf" as never,
    order: sampleOrders.writeFile,
  };
  const events = outcomeOf(
    given(nodeDiscovered).when(carryOut(plan, plan, other)),
  ) as DomainEvent[];
  assert.deepEqual(
    events.map((event) => "action" in event && event.action),
    ["n1-1", "n1-2"],
  );
  assert.deepEqual(outcomeOf(given(nodeDiscovered, actionPlanned).when(carryOut(plan))), []);
});

test("carryOutPlan plans nothing for a node that is gone, lost or in maintenance", () => {
  assert.deepEqual(outcomeOf(given().when(carryOut(plan))), []);
  assert.deepEqual(outcomeOf(given(nodeDiscovered, nodeLost).when(carryOut(plan))), []);
  assert.deepEqual(outcomeOf(given(nodeDiscovered, maintenanceStarted).when(carryOut(plan))), []);
});

test("carryOutPlan ends open actions, each once", () => {
  const { node, action } = actionPlanned;
  const open = given(nodeDiscovered, actionPlanned);
  const fail = open.when(
    carryOut(
      { type: "fail", node, action, reason: "the agent only looks" },
      { type: "cancel", node, action, reason: "x" },
    ),
  );
  assert.deepEqual(outcomeOf(fail), [
    { type: "actionFailed", node, action, reason: "the agent only looks", durationMs: 0 },
  ]);
  const cancel = open.when(
    carryOut({ type: "cancel", node, action, reason: "not wanted any more" }),
  );
  assert.deepEqual(outcomeOf(cancel), [
    { type: "actionCancelled", node, action, reason: "not wanted any more" },
  ]);
  const ended = given(nodeDiscovered, actionPlanned, sampleEvents.actionSucceeded);
  assert.deepEqual(
    outcomeOf(ended.when(carryOut({ type: "cancel", node, action, reason: "x" }))),
    [],
  );
});

test("carryOutPlan times an action out at its deadline, not before", () => {
  const { node, action } = actionPlanned;
  const state = given(nodeDiscovered, actionPlanned);
  const timeOut = carryOut({ type: "timeOut", node, action });
  assert.deepEqual(outcomeOf(state.when(timeOut, { nowMs: 59_999 })), []);
  assert.deepEqual(outcomeOf(state.when(timeOut, { nowMs: 60_000 })), [
    sampleEvents.actionTimedOut,
  ]);
});

test("carryOutPlan frees a target and plans for it anew in one go", () => {
  const { node, action } = actionPlanned;
  const decision = given(nodeDiscovered, actionPlanned).when(
    carryOut({ type: "cancel", node, action, reason: "x" }, plan),
  );
  assert.deepEqual(
    (outcomeOf(decision) as DomainEvent[]).map((event) => "action" in event && event.action),
    ["n1-1", "n1-2"],
  );
});

test("carryOutPlan completes a running operation, once", () => {
  const done: PlannerDecision = { type: "completeOperation", operation: "op-1" as OperationId };
  const state = given(sampleEvents.operationStarted);
  assert.deepEqual(outcomeOf(state.when(carryOut(done, done))), [sampleEvents.operationSucceeded]);
  assert.deepEqual(outcomeOf(given().when(carryOut(done))), []);
});

test("reportPresence records changes only, and a lost node is not suspected again", () => {
  const table: [DomainEvent[], "alive" | "suspected" | "lost", string[]][] = [
    [[], "alive", []],
    [[], "suspected", ["nodeSuspected"]],
    [[], "lost", ["nodeLost"]],
    [[nodeSuspected], "alive", ["nodeReturned"]],
    [[nodeSuspected], "suspected", []],
    [[nodeSuspected], "lost", ["nodeLost"]],
    [[nodeLost], "alive", ["nodeReturned"]],
    [[nodeLost], "suspected", []],
    [[nodeLost], "lost", []],
  ];
  for (const [before, presence, types] of table) {
    const events = outcomeOf(
      given(nodeDiscovered, ...before).when(report(presence)),
    ) as DomainEvent[];
    assert.deepEqual(
      events.map((event) => event.type),
      types,
      `${before[0]?.type} then ${presence}`,
    );
  }
});

test("reportPresence discovers a forgotten node that lives; an unknown one it ignores", () => {
  assert.deepEqual(outcomeOf(given().when(report("alive"))), []);
  const forgotten = given(nodeDiscovered, nodeLost, sampleEvents.nodeForgotten);
  assert.deepEqual(outcomeOf(forgotten.when(report("lost"))), []);
  assert.deepEqual(outcomeOf(forgotten.when(report("alive"))), [nodeDiscovered]);
});
