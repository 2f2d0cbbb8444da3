import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlannerDecision } from "./command.ts";
import { keepsStill } from "./pause.ts";
import { given, outcomeOf, sampleEvents, sampleOrders } from "./testing/index.ts";
import { n1, type webAppTarget } from "./testing/samples.ts";
import type { NodeState } from "./state.ts";

const PAUSED = { type: "actionsPaused", reason: "the switch burns" } as const;

test("pauseActions records who paused, why and since when", () => {
  const state = given(sampleEvents.nodeDiscovered);
  const decision = state.carryOut({ type: "pauseActions", reason: "  the switch burns " });
  assert.deepEqual(outcomeOf(decision), [PAUSED]);
  const since = { index: 2, stampMs: 2_000 };
  assert.deepEqual(state.state.pause, { reason: "the switch burns", actor: "tester", since });
});

test("pauseActions again: the same reason changes nothing, another one replaces it", () => {
  const state = given(PAUSED);
  assert.deepEqual(outcomeOf(state.when({ type: "pauseActions", reason: PAUSED.reason })), []);
  state.carryOut({ type: "pauseActions", reason: "and the router" });
  assert.equal(state.state.pause?.reason, "and the router");
});

test("pauseActions needs a reason that people can read", () => {
  for (const reason of ["", "  ", "x".repeat(501), "a\u0007b"]) {
    assert.match(String(outcomeOf(given().when({ type: "pauseActions", reason }))), /1 to 500/);
  }
});

test("resumeActions ends the pause, and is refused when there is none", () => {
  const state = given(PAUSED);
  assert.deepEqual(outcomeOf(state.carryOut({ type: "resumeActions" })), [
    { type: "actionsResumed" },
  ]);
  assert.equal(state.state.pause, undefined);
  assert.equal(
    outcomeOf(state.when({ type: "resumeActions" })),
    "failedPrecondition: actions are not paused",
  );
});

test("carryOutPlan orders nothing while actions are paused, and ends what is open", () => {
  const state = given(sampleEvents.nodeDiscovered, sampleEvents.actionPlanned, PAUSED);
  const plan: PlannerDecision = {
    type: "plan",
    node: n1,
    target: "file:/etc/app.conf" as typeof webAppTarget,
    order: sampleOrders.writeFile,
    cause: { text: "it is wanted", index: 1 },
    attempt: 1,
    timeoutMs: 1_000,
  };
  const action = sampleEvents.actionPlanned.action;
  const timeOut: PlannerDecision = { type: "timeOut", node: n1, action };
  const decisions = [plan, timeOut];
  const command = { type: "carryOutPlan", decisions } as const;
  assert.deepEqual(outcomeOf(state.when(command, { nowMs: 100_000 })), [
    sampleEvents.actionTimedOut,
  ]);
  state.given(sampleEvents.actionsResumed);
  const types = outcomeOf(state.when(command, { nowMs: 100_000 }));
  assert.deepEqual(typeof types === "string" ? types : types.map(({ type }) => type), [
    "actionPlanned",
    "actionTimedOut",
  ]);
});

test("keepsStill() holds in maintenance and in a pause", () => {
  const state = given(sampleEvents.nodeDiscovered);
  const still = (): boolean => keepsStill(state.state, state.node as NodeState);
  assert.equal(still(), false);
  state.given(PAUSED);
  assert.equal(still(), true);
  state.given(sampleEvents.actionsResumed, sampleEvents.maintenanceStarted);
  assert.equal(still(), true);
});
