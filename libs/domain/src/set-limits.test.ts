import assert from "node:assert/strict";
import { test } from "node:test";
import { ACTION_LIMITS, disruptedMax, limitsOf } from "./action-limits.ts";
import { given, outcomeOf } from "./testing/index.ts";

const REASON = "the switch is replaced this week";

test("setActionLimits records all limits, who set them, why and since when", () => {
  const state = given();
  const command = { type: "setActionLimits", limits: { stormPercent: 50 }, reason: ` ${REASON} ` };
  const decision = state.carryOut(command as never);
  const limits = { ...ACTION_LIMITS, stormPercent: 50 };
  assert.deepEqual(outcomeOf(decision), [{ type: "actionLimitsSet", limits, reason: REASON }]);
  assert.deepEqual(limitsOf(state.state), limits);
  assert.equal(state.state.limits?.reason, REASON);
});

test("setActionLimits keeps what is not given, and says nothing anew", () => {
  const state = given();
  const set = (limits: object, reason = REASON): unknown =>
    outcomeOf(state.carryOut({ type: "setActionLimits", limits, reason } as never));
  // By default already.
  assert.deepEqual(set({ disruptedPercentMax: 20 }), []);
  set({ disruptedPercentMax: 50 });
  set({ stormNodesMin: 8 });
  assert.deepEqual(set({ disruptedPercentMax: 50 }), []);
  const limits = { ...ACTION_LIMITS, disruptedPercentMax: 50, stormNodesMin: 8 };
  assert.deepEqual(limitsOf(state.state), limits);
  assert.equal(disruptedMax(10, limitsOf(state.state)), 5);
  assert.deepEqual(set({}, "another reason"), [
    { type: "actionLimitsSet", limits, reason: "another reason" },
  ]);
});

test("setActionLimits refuses what makes no sense, all of it at once", () => {
  const wrong = { disruptedPercentMax: 0, stormPercent: 101, settleMs: -1, stormNodesMin: 1.5 };
  const command = { type: "setActionLimits", limits: wrong, reason: REASON } as const;
  const decision = given().when(command);
  assert.equal(decision.type, "rejected");
  const paths = decision.type === "rejected" ? decision.violations?.map(({ path }) => path) : [];
  assert.deepEqual(paths, [
    "limits.disruptedPercentMax",
    "limits.settleMs",
    "limits.stormPercent",
    "limits.stormNodesMin",
  ]);
  const silent = { type: "setActionLimits", limits: {}, reason: " " } as const;
  assert.match(String(outcomeOf(given().when(silent))), /1 to 500/);
});
