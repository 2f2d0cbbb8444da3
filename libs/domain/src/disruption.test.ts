import assert from "node:assert/strict";
import { test } from "node:test";
import { ACTION_LIMITS, disruptedMax } from "./action-limits.ts";
import type { PlannerDecision } from "./command.ts";
import { backSince, isDisruptive } from "./disruption.ts";
import type { DomainEvent } from "./event.ts";
import { actionId, type NodeName, type TargetKey } from "./names.ts";
import type { NodeState } from "./state.ts";
import {
  given,
  n1,
  outcomeOf,
  renderedService,
  sampleEvents,
  sampleOrders,
  Scenario,
  serviceSeen,
  webAppTarget,
} from "./testing/index.ts";

const { nodeDiscovered, actionPlanned } = sampleEvents;
const NEW = { ...renderedService, digest: "d2" };
const REPLACE = { type: "startService", service: NEW } as const;
const RACK = { rack: "r1" };

function healthy(digest: string, node: NodeName = n1): DomainEvent {
  return { type: "serviceStatusChanged", node, service: serviceSeen("healthy", { digest }) };
}

function crashed(digest: string, node: NodeName = n1): DomainEvent {
  return { type: "serviceStatusChanged", node, service: serviceSeen("crashed", { digest }) };
}

function replacing(node: NodeName = n1): DomainEvent {
  const action = actionId(node, 1);
  return { ...actionPlanned, node, action, order: REPLACE, disruptive: true };
}

function ended(type: "actionSucceeded" | "actionFailed", node: NodeName = n1): DomainEvent {
  return { ...sampleEvents[type], node, action: actionId(node, 1) } as DomainEvent;
}

function plan(node: NodeName): PlannerDecision {
  const { target, order, cause, attempt } = { ...actionPlanned, order: REPLACE };
  return { type: "plan", node, target, order, cause, attempt, timeoutMs: 60_000 };
}

/** A rack of so many nodes, each with a healthy service. */
function rack(count: number): { readonly state: Scenario; readonly nodes: readonly NodeName[] } {
  const state = new Scenario();
  const nodes = Array.from({ length: count }, (_, at) => `n${at + 1}` as NodeName);
  for (const node of nodes) {
    const updated: DomainEvent = { type: "nodeUpdated", node, labels: {}, location: RACK };
    state.entry({ ...nodeDiscovered, node }, updated, healthy("d1", node));
  }
  return { state, nodes };
}

/** The nodes on which something is planned when all want it. */
function planned(state: Scenario, nodes: readonly NodeName[]): readonly string[] {
  const decision = state.carryOut({ type: "carryOutPlan", decisions: nodes.map(plan) });
  const events = outcomeOf(decision) as readonly DomainEvent[];
  return events.flatMap((event) => (event.type === "actionPlanned" ? [event.node] : []));
}

test("isDisruptive() is what stops or replaces a service that is healthy", () => {
  const { startService, restartService, stopService, writeFile } = sampleOrders;
  const orders = [startService, REPLACE, restartService, stopService, writeFile];
  const judge = (state: Scenario): readonly boolean[] =>
    orders.map((order) => isDisruptive(state.node as NodeState, order));
  const well = judge(given(nodeDiscovered, healthy("d1")));
  const broken = judge(given(nodeDiscovered, crashed("d1")));
  const absent = judge(given(nodeDiscovered));
  const never = orders.map(() => false);
  assert.deepEqual([well, broken, absent], [[false, true, true, true, false], never, never]);
});

test("disruptedMax() is a fifth, and always one", () => {
  assert.deepEqual(
    [0, 1, 4, 5, 9, 10, 99, 100].map((nodes) => disruptedMax(nodes, ACTION_LIMITS)),
    [1, 1, 1, 1, 1, 2, 19, 20],
  );
});

test("carryOutPlan disrupts as many nodes of a rack as there is room for", () => {
  const { state, nodes } = rack(10);
  assert.deepEqual(planned(state, nodes), ["n1", "n2"]);
  assert.deepEqual(planned(state, nodes), []);
  assert.equal(state.state.faultDomain("rack:r1" as never).disrupted, 2);
  const elsewhere = "x1" as NodeName;
  state.entry({ ...nodeDiscovered, node: elsewhere }, healthy("d1", elsewhere));
  assert.deepEqual(planned(state, [...nodes, elsewhere]), ["x1"]);
});

test("limits that people set decide how many, and for how long", () => {
  const { state, nodes } = rack(10);
  const limits = { disruptedPercentMax: 30, settleMs: 0 };
  state.carryOut({ type: "setActionLimits", limits, reason: "a quiet night" });
  assert.deepEqual(planned(state, nodes), ["n1", "n2", "n3"]);
  state.given(healthy("d2"), ended("actionSucceeded"));
  const settle = { type: "settle", node: n1, target: webAppTarget } as const;
  const command = { type: "carryOutPlan", decisions: [settle] } as const;
  const nowMs = backSince(state.node as NodeState, webAppTarget)?.stampMs ?? 0;
  assert.deepEqual(outcomeOf(state.carryOut(command, { nowMs })), [sampleEvents.disruptionEnded]);
  const fewer = { disruptedPercentMax: 20 };
  state.carryOut({ type: "setActionLimits", limits: fewer, reason: "the morning" });
  assert.deepEqual(planned(state, nodes.slice(1)), []);
});

test("a node makes room once its service has been healthy for a while by what is new", () => {
  const { state, nodes } = rack(3);
  assert.deepEqual(planned(state, nodes), ["n1"]);
  const settle = { type: "settle", node: n1, target: webAppTarget } as const;
  const command = { type: "carryOutPlan", decisions: [settle] } as const;
  state.given(healthy("d2"));
  assert.deepEqual(outcomeOf(state.when(command, { nowMs: 1e9 })), []);
  state.given(ended("actionSucceeded"));
  const sinceMs = backSince(state.node as NodeState, webAppTarget)?.stampMs ?? 0;
  const nowMs = sinceMs + ACTION_LIMITS.settleMs;
  assert.deepEqual(outcomeOf(state.when(command, { nowMs: nowMs - 1 })), []);
  assert.deepEqual(planned(state, nodes.slice(1)), []);
  assert.deepEqual(outcomeOf(state.carryOut(command, { nowMs })), [sampleEvents.disruptionEnded]);
  assert.deepEqual(planned(state, nodes.slice(1)), ["n2"]);
});

test("a node whose new service breaks makes no room, and mending it needs none", () => {
  const { state, nodes } = rack(3);
  planned(state, nodes);
  state.given(healthy("d2"), crashed("d2"), ended("actionSucceeded"));
  assert.deepEqual(planned(state, nodes), ["n1"]);
  assert.deepEqual(planned(state, nodes), []);
});

test("a node makes room at once when nothing came of it, or what was to stop is gone", () => {
  const disrupted = (...events: readonly DomainEvent[]): number =>
    given(nodeDiscovered, healthy("d1"), ...events).node?.disrupted.size ?? 0;
  const stop = { ...replacing(), order: sampleOrders.stopService } as DomainEvent;
  const cases: readonly [number, readonly DomainEvent[]][] = [
    [1, [replacing()]],
    [0, [replacing(), ended("actionFailed")]],
    [1, [replacing(), ended("actionSucceeded")]],
    [1, [replacing(), crashed("d2"), ended("actionFailed")]],
    [1, [stop, sampleEvents.serviceForgotten]],
    [0, [stop, sampleEvents.serviceForgotten, ended("actionSucceeded")]],
    [0, [stop, ended("actionFailed")]],
    [0, [replacing(), sampleEvents.nodeWiped]],
    [0, [replacing(), { ...sampleEvents.disruptionEnded }]],
  ];
  for (const [size, events] of cases) {
    assert.equal(disrupted(...events), size, events.map(({ type }) => type).join());
  }
});

test("carryOutPlan takes away one thing of a node at a time", () => {
  const { state } = rack(1);
  const side = "service:web/side" as TargetKey;
  const key = "web/side" as typeof NEW.key;
  state.given({
    type: "serviceStatusChanged",
    node: n1,
    service: serviceSeen("healthy", { key, digest: "d1" }),
  });
  const other: PlannerDecision = {
    ...(plan(n1) as Extract<PlannerDecision, { type: "plan" }>),
    target: side,
    order: { type: "startService", service: { ...NEW, key } },
  };
  const decisions = [plan(n1), other];
  const command = { type: "carryOutPlan", decisions } as const;
  assert.equal(outcomeOf(state.carryOut(command)).length, 1);
  assert.equal(outcomeOf(state.carryOut(command)).length, 0);
  // Broken or not, it is done: the next may follow on the same node.
  state.given(crashed("d2"), ended("actionSucceeded"));
  const next = state.carryOut({ type: "carryOutPlan", decisions: [other] });
  assert.equal(outcomeOf(next).length, 1);
});
