import assert from "node:assert/strict";
import { test } from "node:test";
import { cancellationOf, WITHHELD_PER_NODE_MAX } from "./cancel-action.ts";
import type { ActionState, Withheld } from "./state.ts";
import type { ActionId, TargetKey } from "./names.ts";
import { given, n1, outcomeOf, sampleEvents, webAppTarget } from "./testing/index.ts";
import type { Scenario } from "./testing/index.ts";

const { nodeDiscovered, actionPlanned, actionCancelRequested } = sampleEvents;
const { action } = actionPlanned;
const WISH = { type: "cancelAction", action, reason: actionCancelRequested.reason } as const;

function withheld(state: Scenario): Withheld | undefined {
  return state.node?.withheld.get(webAppTarget);
}

test("cancelAction asks for it and withholds the target, and ends nothing yet", () => {
  const state = given(nodeDiscovered, actionPlanned);
  assert.deepEqual(outcomeOf(state.carryOut(WISH)), [actionCancelRequested]);
  const since = { index: 3, stampMs: 3_000 };
  const { reason } = WISH;
  assert.deepEqual(withheld(state), { action, digest: "d1", reason, actor: "tester", since });
  const planned = state.state.action(action) as ActionState;
  assert.equal(planned.status, "planned");
  assert.deepEqual(cancellationOf(state.state, planned), withheld(state));
});

test("cancelAction again: the same reason changes nothing, another one replaces it", () => {
  const state = given(nodeDiscovered, actionPlanned, actionCancelRequested);
  assert.deepEqual(outcomeOf(state.when(WISH)), []);
  state.carryOut({ ...WISH, reason: "and the wrong day" });
  assert.equal(withheld(state)?.reason, "and the wrong day");
});

test("cancelAction is refused for unknown and ended actions, and without a reason", () => {
  const state = given(nodeDiscovered, actionPlanned);
  assert.match(String(outcomeOf(state.when({ ...WISH, reason: " " }))), /1 to 500/);
  const unknown = state.when({ ...WISH, action: "n1-9" as ActionId });
  assert.match(String(outcomeOf(unknown)), /^notFound: there is no action "n1-9"/);
  state.given(sampleEvents.actionFailed);
  assert.equal(
    outcomeOf(state.when(WISH)),
    "failedPrecondition: action n1-1 has ended: it failed: no such program",
  );
});

test("a result that comes before the agent gave the action back is taken in", () => {
  const state = given(nodeDiscovered, actionPlanned, actionCancelRequested);
  state.given(sampleEvents.actionSucceeded);
  assert.equal(state.state.action(action)?.status, "succeeded");
  state.given(sampleEvents.actionCancelled);
  assert.equal(state.state.action(action)?.status, "succeeded");
});

test("a target is withheld until it is acted upon, gone, wiped, or maintenance ends", () => {
  const asked = [nodeDiscovered, actionPlanned, actionCancelRequested] as const;
  const ends = [
    { ...actionPlanned, action: "n1-2" as ActionId, generation: 2 },
    sampleEvents.serviceForgotten,
    sampleEvents.nodeWiped,
    sampleEvents.maintenanceEnded,
  ];
  for (const end of ends) {
    const state = given(...asked, sampleEvents.actionCancelled);
    assert.equal(withheld(state)?.action, action);
    state.given(end);
    assert.equal(withheld(state), undefined, end.type);
  }
});

test("withheld targets have a bound: the one withheld longest ago is withheld no more", () => {
  const state = given(nodeDiscovered);
  for (let generation = 1; generation <= WITHHELD_PER_NODE_MAX + 1; generation += 1) {
    const id = `n1-${generation}` as ActionId;
    const target = `file:/etc/${generation}` as TargetKey;
    state.entry(
      { ...actionPlanned, action: id, generation, target },
      { type: "actionCancelRequested", node: n1, action: id, reason: "no" },
    );
  }
  const kept = [...(state.node?.withheld.keys() ?? [])];
  assert.deepEqual([kept.length, kept[0]], [WITHHELD_PER_NODE_MAX, "file:/etc/2"]);
});
