import assert from "node:assert/strict";
import { test } from "node:test";
import { ACTION_LIMITS } from "./action-limits.ts";
import type { PlannerDecision } from "./command.ts";
import type { DomainEvent } from "./event.ts";
import type { FaultDomainName } from "./fault-domain.ts";
import { isAiling } from "./fault-domain.ts";
import type { NodeName } from "./names.ts";
import type { NodeState } from "./state.ts";
import {
  batchOf,
  given,
  outcomeOf,
  renderedService,
  sampleEvents,
  sampleFacts,
  sampleOrders,
  Scenario,
  serviceSeen,
} from "./testing/index.ts";

const { nodeDiscovered, actionPlanned, maintenanceStarted } = sampleEvents;
const RACK = "rack:r1" as FaultDomainName;

function seen(status: Parameters<typeof serviceSeen>[0], node: NodeName): DomainEvent {
  return { type: "serviceStatusChanged", node, service: serviceSeen(status) };
}

/** A rack of so many nodes, of which so many have a crashed service. */
function rack(count: number, ailing: number): { state: Scenario; nodes: readonly NodeName[] } {
  const state = new Scenario();
  const nodes = Array.from({ length: count }, (_, at) => `n${at + 1}` as NodeName);
  for (const [at, node] of nodes.entries()) {
    const location = { rack: "r1" };
    const updated: DomainEvent = { type: "nodeUpdated", node, labels: {}, location };
    const status = at < ailing ? "crashed" : "healthy";
    state.entry({ ...nodeDiscovered, node }, updated, seen(status, node));
  }
  return { state, nodes };
}

function heal(node: NodeName, digest = "d1"): PlannerDecision {
  const { target, cause, attempt } = actionPlanned;
  const service = { ...renderedService, digest };
  const order = { type: "restartService", service } as const;
  return { type: "plan", node, target, order, cause, attempt, timeoutMs: 60_000 };
}

function typesOf(state: Scenario, decisions: readonly PlannerDecision[]): readonly string[] {
  const decision = state.carryOut({ type: "carryOutPlan", decisions });
  return (outcomeOf(decision) as readonly DomainEvent[]).map(({ type }) => type);
}

test("a storm is more than the share of a fault domain, and five nodes at least", () => {
  const cases: readonly [number, number, boolean][] = [
    [3, 3, false],
    [4, 4, false],
    [5, 5, true],
    [10, 4, false],
    [16, 5, true],
    [17, 5, false],
    [40, 12, false],
    [40, 13, true],
  ];
  for (const [count, ailing, storm] of cases) {
    const { state, nodes } = rack(count, ailing);
    const [first] = typesOf(
      state,
      nodes.slice(0, ailing).map((node) => heal(node)),
    );
    assert.equal(first, storm ? "stormHeld" : "actionPlanned", `${ailing} of ${count}`);
  }
});

test("limits that people set decide what is a storm, and end one that is none by them", () => {
  const { state, nodes } = rack(10, 6);
  const set = (stormPercent: number): void => {
    const limits = { stormPercent };
    state.carryOut({ type: "setActionLimits", limits, reason: "half of it is new" });
  };
  const [first = "n1" as NodeName] = nodes;
  set(50);
  const [held] = outcomeOf(
    state.carryOut({ type: "carryOutPlan", decisions: [heal(first)] }),
  ) as DomainEvent[];
  assert.equal(held?.type === "stormHeld" ? held.sharePercent : undefined, 50);
  set(60);
  assert.deepEqual(typesOf(state, [{ type: "reviewStorm", faultDomain: RACK }]), ["stormEnded"]);
  assert.deepEqual(typesOf(state, [heal(first)]), ["actionPlanned"]);
});

test("a storm is said once, with its numbers, and holds all that heals until its end", () => {
  const { state, nodes } = rack(10, 6);
  const decisions = nodes.slice(0, 6).map((node) => heal(node));
  const command = { type: "carryOutPlan", decisions } as const;
  assert.deepEqual(outcomeOf(state.carryOut(command)), [
    { type: "stormHeld", faultDomain: RACK, nodes: 6, of: 10, sharePercent: 30 },
  ]);
  assert.deepEqual(outcomeOf(state.carryOut(command)), []);
  const review: PlannerDecision = { type: "reviewStorm", faultDomain: RACK };
  assert.deepEqual(typesOf(state, [review]), []);
  for (const node of nodes.slice(0, 2)) state.given(seen("healthy", node));
  assert.deepEqual(typesOf(state, [review, ...decisions.slice(2)]), [
    "stormEnded",
    ...["n3", "n4", "n5", "n6"].map(() => "actionPlanned"),
  ]);
  assert.deepEqual([...state.state.storms()], []);
});

test("in a storm what users want anew is ordered, and what works elsewhere is healed", () => {
  const { state, nodes } = rack(10, 6);
  const [first] = nodes as [NodeName];
  typesOf(state, [heal(first)]);
  assert.deepEqual(typesOf(state, [heal(first, "d2")]), ["actionPlanned"]);
  const other = "x1" as NodeName;
  state.entry({ ...nodeDiscovered, node: other }, seen("crashed", other));
  assert.deepEqual(typesOf(state, [heal(other)]), ["actionPlanned"]);
});

test("in a storm nothing that works is taken away", () => {
  const { state, nodes } = rack(10, 6);
  typesOf(state, [heal(nodes[0] as NodeName)]);
  assert.deepEqual(typesOf(state, [heal(nodes[9] as NodeName, "d2")]), []);
});

test("releaseStorm lets healing go on until the storm has ended", () => {
  const { state, nodes } = rack(10, 6);
  const decisions = nodes.slice(0, 6).map((node) => heal(node));
  const release = { type: "releaseStorm", faultDomain: RACK, reason: "looked at it" } as const;
  assert.equal(
    outcomeOf(state.when(release)),
    'notFound: there is no storm in "rack:r1"; there is none anywhere',
  );
  typesOf(state, decisions);
  const elsewhere = { ...release, faultDomain: "room:a" as FaultDomainName };
  assert.match(String(outcomeOf(state.when(elsewhere))), /there are some in rack:r1/);
  assert.match(String(outcomeOf(state.when({ ...release, reason: "" }))), /1 to 500/);
  state.carryOut(release);
  assert.deepEqual(outcomeOf(state.when(release)), []);
  assert.equal(state.state.storm(RACK)?.release?.actor, "tester");
  assert.equal(typesOf(state, decisions).filter((type) => type === "actionPlanned").length, 6);
  assert.deepEqual(typesOf(state, [{ type: "reviewStorm", faultDomain: RACK }]), []);
});

test("isAiling() is broken by something that is not over and that nobody works on", () => {
  const ails = (...events: readonly DomainEvent[]): boolean =>
    isAiling(given(nodeDiscovered, ...events).node as NodeState);
  const started = { ...sampleEvents.agentStarted, services: [serviceSeen("crashed")] };
  const { node } = nodeDiscovered;
  const cases: readonly [boolean, readonly DomainEvent[]][] = [
    [false, [seen("healthy", node)]],
    [true, [seen("crashed", node)]],
    [true, [seen("unhealthy", node)]],
    [false, [seen("stopped", node)]],
    [false, [seen("crashed", node), maintenanceStarted]],
    [true, [seen("crashed", node), maintenanceStarted, sampleEvents.maintenanceEnded]],
    [true, [started]],
    // The node restarted, and its services ended with it.
    [false, [{ ...started, rebooted: true }]],
    [true, [{ ...started, rebooted: true }, seen("healthy", node), seen("crashed", node)]],
    [true, [sampleEvents.nodeWiped]],
    [false, [{ ...sampleEvents.nodeWiped, lost: 0 }]],
    [true, [sampleEvents.nodeWiped, actionPlanned, sampleEvents.actionFailed]],
    [false, [sampleEvents.nodeWiped, actionPlanned, sampleEvents.actionSucceeded]],
  ];
  for (const [expected, events] of cases) {
    assert.equal(ails(...events), expected, events.map(({ type }) => type).join());
  }
});

test("acceptFacts tells a restart of the node from one of its agent, and what a wipe took", () => {
  const state = new Scenario();
  state.carryOut({ type: "acceptFacts", batch: batchOf([sampleFacts.agentStarted]) });
  const rebooted = (boot: number, bootId: string): unknown => {
    const fact = { ...sampleFacts.agentStarted, bootId };
    const previous = state.node?.watermark ?? { boot: 0, sequence: 0 };
    const batch = batchOf([fact], { previous, first: { boot, sequence: 1 } });
    const events = outcomeOf(state.carryOut({ type: "acceptFacts", batch }));
    const [event] = events as readonly DomainEvent[];
    return event?.type === "agentStarted" ? event.rebooted : events;
  };
  assert.deepEqual([rebooted(2, "b1"), rebooted(3, "b2")], [false, true]);
  const batch = batchOf([sampleFacts.agentStarted], { incarnation: "i2" });
  const [wiped] = outcomeOf(state.when({ type: "acceptFacts", batch })) as readonly DomainEvent[];
  assert.deepEqual(wiped, { ...sampleEvents.nodeWiped, lost: 2 });
});

test("a wiped node is not filled again in a storm", () => {
  const { state, nodes } = rack(10, 0);
  for (const node of nodes.slice(0, 6)) state.given({ ...sampleEvents.nodeWiped, node });
  const { target, cause, attempt } = actionPlanned;
  const decisions = nodes.slice(0, 6).map((node): PlannerDecision => {
    const order = sampleOrders.startService;
    return { type: "plan", node, target, order, cause, attempt, timeoutMs: 60_000 };
  });
  assert.deepEqual(typesOf(state, decisions), ["stormHeld"]);
  assert.equal(ACTION_LIMITS.stormPercent, 30);
});
