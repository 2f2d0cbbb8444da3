import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command } from "./command.ts";
import type { DomainEvent } from "./event.ts";
import type { Fact, FactBatch, OutboxPosition } from "./fact.ts";
import { conflictText } from "./identity-conflict.ts";
import { keepsStill } from "./pause.ts";
import type { ConflictState, NodeState } from "./state.ts";
import {
  batchOf,
  firstTwin,
  given,
  n1,
  outcomeOf,
  sampleCommands,
  sampleEvents,
  type Scenario,
  secondTwin,
  serviceSeen,
  webAppTarget,
} from "./testing/index.ts";

const { nodeDiscovered, actionPlanned, identityConflict, identityConflictEnded } = sampleEvents;
const FIRST = firstTwin.process.instance;
const SECOND = secondTwin.process.instance;
const FACT: Fact = {
  type: "serviceObserved",
  observedAtMs: 1,
  service: serviceSeen("healthy"),
};

function report(...claimants: readonly (typeof firstTwin)[]): Command {
  return { type: "reportClaimants", node: n1, claimants };
}

function at(boot: number, sequence: number, instance?: string): OutboxPosition {
  return instance === undefined ? { boot, sequence } : { boot, sequence, instance };
}

/** A node whose facts are in the log up to `through`. */
function known(through: OutboxPosition): Scenario {
  return given(nodeDiscovered, { ...sampleEvents.factsAccepted, through });
}

function accept(where: Pick<FactBatch, "previous" | "first">): Command {
  return { type: "acceptFacts", batch: batchOf([FACT], where) };
}

function isTaken(state: Scenario, where: Pick<FactBatch, "previous" | "first">): boolean {
  const events = outcomeOf(state.when(accept(where))) as readonly DomainEvent[];
  return events.some(({ type }) => type === "factsAccepted");
}

test("reportClaimants of two records the conflict once and cancels what is open", () => {
  const state = given(nodeDiscovered, actionPlanned);
  const events = outcomeOf(state.when(report(firstTwin, secondTwin))) as readonly DomainEvent[];
  assert.deepEqual(events, [
    {
      type: "actionCancelled",
      node: n1,
      action: actionPlanned.action,
      reason: "more than one agent speaks under the name of the node",
    },
    identityConflict,
  ]);
  assert.deepEqual(outcomeOf(state.given(...events).when(report(firstTwin, secondTwin))), []);
});

test("reportClaimants of one ends a conflict, and is nothing without one", () => {
  const state = given(nodeDiscovered);
  assert.deepEqual(outcomeOf(state.when(report(secondTwin))), []);
  state.given(identityConflict);
  assert.deepEqual(outcomeOf(state.when(report(secondTwin))), [identityConflictEnded]);
  assert.equal(state.given(identityConflictEnded).node?.conflict, undefined);
  assert.deepEqual(outcomeOf(given().when(report(firstTwin, secondTwin))), []);
});

test("in a conflict nothing is planned, no facts are taken in, and agents keep still", () => {
  const state = given(nodeDiscovered, identityConflict);
  const first = { previous: at(0, 0), first: at(1, 1) };
  assert.equal(isTaken(state, first), false);
  assert.equal(keepsStill(state.state, state.node as NodeState), true);
  const { order, cause } = actionPlanned;
  const wish = { type: "plan", node: n1, target: webAppTarget, order, cause } as const;
  const plan: Command = {
    type: "carryOutPlan",
    decisions: [{ ...wish, attempt: 1, timeoutMs: 1_000 }],
  };
  assert.deepEqual(outcomeOf(state.when(plan)), []);
  state.given(identityConflictEnded);
  assert.equal(isTaken(state, first), true);
  assert.equal(keepsStill(state.state, state.node as NodeState), false);
  assert.equal((outcomeOf(state.when(plan)) as readonly DomainEvent[]).length, 1);
});

test("a wiped node that comes back in a conflict waits for its end, and is wiped once", () => {
  const state = known(at(3, 9, FIRST)).given(identityConflict);
  const batch = batchOf([FACT], { incarnation: "i2", previous: at(0, 0), first: at(1, 1) });
  assert.deepEqual(outcomeOf(state.when({ type: "acceptFacts", batch })), []);
  const events = outcomeOf(
    state.given(identityConflictEnded).when({ type: "acceptFacts", batch }),
  ) as readonly DomainEvent[];
  assert.deepEqual(events[0], { type: "nodeWiped", node: n1, incarnation: "i2", lost: 0 });
});

test("acceptFacts takes no facts of a copy that counts its starts alike", () => {
  const state = known(at(2, 5, FIRST));
  const next = { previous: at(2, 5, FIRST), first: at(2, 6, FIRST) };
  const twins = { previous: at(2, 5, SECOND), first: at(2, 6, SECOND) };
  assert.equal(isTaken(state, next), true);
  assert.equal(isTaken(state, twins), false);
  // Its first facts of that boot: what the log holds there is another's.
  assert.equal(isTaken(state, { previous: at(1, 3, FIRST), first: at(2, 1, SECOND) }), false);
});

test("acceptFacts takes a later boot of the same outbox, and of no other", () => {
  const state = known(at(2, 5, FIRST));
  assert.equal(isTaken(state, { previous: at(2, 5, FIRST), first: at(3, 1, "third") }), true);
  assert.equal(isTaken(state, { previous: at(2, 4, SECOND), first: at(3, 1, "third") }), false);
  // It has nothing of that boot: what the log holds there is not its own.
  assert.equal(isTaken(state, { previous: at(1, 9, FIRST), first: at(3, 1, "third") }), false);
});

test("acceptFacts takes facts of agents that name no instance as ever", () => {
  const named = known(at(2, 5, FIRST));
  assert.equal(isTaken(named, { previous: at(2, 5), first: at(2, 6) }), true);
  assert.equal(isTaken(named, { previous: at(1, 9), first: at(3, 1) }), true);
  const nameless = known(at(2, 5));
  assert.equal(isTaken(nameless, { previous: at(2, 5), first: at(3, 1, SECOND) }), true);
  assert.equal(isTaken(nameless, { previous: at(1, 9), first: at(3, 1, SECOND) }), true);
});

test("the watermark remembers whose boot it is", () => {
  const state = known(at(2, 5, FIRST));
  const where = { previous: at(2, 5, FIRST), first: at(3, 1, SECOND) };
  const events = outcomeOf(state.when(accept(where))) as readonly DomainEvent[];
  assert.deepEqual(state.given(...events).node?.watermark, at(3, 1, SECOND));
});

test("a node that is forgotten in a conflict comes back without it", () => {
  const state = given(nodeDiscovered, identityConflict, sampleEvents.nodeForgotten, nodeDiscovered);
  assert.equal((state.node as NodeState).conflict, undefined);
});

test("conflictText() names every claimant so that it is found", () => {
  const state = given(nodeDiscovered, identityConflict);
  assert.equal(
    conflictText(state.node?.conflict as ConflictState),
    "2 agents speak under its name: " +
      "pid 412 on db7 at 10.0.0.7 (instance 3f9c0a1e, incarnation i1) and " +
      "pid 412 on db7 at 10.0.0.9 (instance b2d417c8, incarnation i1)",
  );
  assert.equal(sampleCommands.reportClaimants.claimants.length, 2);
});

test("where the log stood is remembered when it goes on with another boot or incarnation", () => {
  const state = known(at(2, 5, FIRST)).given({
    ...sampleEvents.factsAccepted,
    through: at(3, 1, SECOND),
  });
  assert.deepEqual(state.node?.left, { incarnation: "i1", watermark: at(2, 5, FIRST) });
  state.given({ ...sampleEvents.factsAccepted, through: at(3, 4, SECOND) });
  assert.deepEqual(state.node?.left?.watermark, at(2, 5, FIRST));
  state.given({ type: "nodeWiped", node: n1, incarnation: "i2", lost: 0 });
  assert.deepEqual(state.node?.left, { incarnation: "i1", watermark: at(3, 4, SECOND) });
  const nameless = known(at(2, 5)).given({ ...sampleEvents.factsAccepted, through: at(3, 1) });
  assert.equal(nameless.node?.left, undefined);
});
