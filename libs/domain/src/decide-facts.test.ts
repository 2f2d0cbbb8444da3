import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command } from "./command.ts";
import type { DomainEvent } from "./event.ts";
import type { Fact, FactBatch } from "./fact.ts";
import { differenceOf } from "./inventory-difference.ts";
import type { Inventory } from "./inventory.ts";
import {
  batchOf,
  bareInventory,
  fileSeen,
  given,
  n1,
  n2,
  outcomeOf,
  sampleEvents,
  sampleFacts,
  sampleInventory,
  serviceSeen,
  webApp,
} from "./testing/index.ts";

const { nodeDiscovered, actionPlanned } = sampleEvents;

function accept(facts: readonly Fact[], more: Partial<FactBatch> = {}): Command {
  return { type: "acceptFacts", batch: batchOf(facts, more) };
}

function service(
  status: Parameters<typeof serviceSeen>[0],
  more: Parameters<typeof serviceSeen>[1] = {},
): Fact {
  return { type: "serviceObserved", observedAtMs: 1, service: serviceSeen(status, more) };
}

function accepted(boot: number, sequence: number, incarnation = "i1"): DomainEvent {
  return { type: "factsAccepted", node: n1, incarnation, through: { boot, sequence } };
}

const known = (): ReturnType<typeof given> =>
  given(nodeDiscovered, { ...sampleEvents.factsAccepted, through: { boot: 1, sequence: 3 } });

const after3 = { previous: { boot: 1, sequence: 3 }, first: { boot: 1, sequence: 4 } };

test("acceptFacts discovers a node by its first batch and seeds its labels", () => {
  const { agentStarted } = sampleFacts;
  const { agentVersion, bootId, services, files } = agentStarted;
  assert.deepEqual(outcomeOf(given().when(accept([agentStarted]))), [
    { type: "nodeDiscovered", node: n1, incarnation: "i1", labels: agentStarted.labels },
    { type: "agentStarted", node: n1, agentVersion, bootId, rebooted: false, services, files },
    accepted(1, 1),
  ]);
});

test("acceptFacts does not discover a node by a later batch: the first one would be lost", () => {
  assert.deepEqual(outcomeOf(given().when(accept([service("healthy")], after3))), []);
});

test("acceptFacts takes a batch that joins the watermark", () => {
  assert.deepEqual(outcomeOf(known().when(accept([service("healthy")], after3))), [
    { type: "serviceStatusChanged", node: n1, service: serviceSeen("healthy") },
    accepted(1, 4),
  ]);
});

test("acceptFacts gives nothing for a batch that was seen", () => {
  const seen = { previous: { boot: 1, sequence: 1 }, first: { boot: 1, sequence: 2 } };
  assert.deepEqual(
    outcomeOf(known().when(accept([service("healthy"), service("crashed")], seen))),
    [],
  );
});

test("acceptFacts gives nothing for a batch of an earlier boot", () => {
  const second = known().given({
    ...sampleEvents.factsAccepted,
    through: { boot: 2, sequence: 1 },
  });
  const seen = { previous: { boot: 1, sequence: 3 }, first: { boot: 1, sequence: 4 } };
  assert.deepEqual(
    outcomeOf(second.when(accept([service("healthy"), service("crashed")], seen))),
    [],
  );
});

test("acceptFacts gives nothing for a batch after a gap, within a boot or between boots", () => {
  const gap = { previous: { boot: 1, sequence: 4 }, first: { boot: 1, sequence: 5 } };
  assert.deepEqual(outcomeOf(known().when(accept([service("healthy")], gap))), []);
  const nextBoot = { previous: { boot: 1, sequence: 9 }, first: { boot: 2, sequence: 1 } };
  assert.deepEqual(outcomeOf(known().when(accept([service("healthy")], nextBoot))), []);
});

test("acceptFacts drops the head of a batch that overlaps the watermark", () => {
  const overlap = { previous: { boot: 1, sequence: 1 }, first: { boot: 1, sequence: 2 } };
  const facts = [service("starting"), service("unhealthy"), service("healthy")];
  assert.deepEqual(outcomeOf(known().when(accept(facts, overlap))), [
    { type: "serviceStatusChanged", node: n1, service: serviceSeen("healthy") },
    accepted(1, 4),
  ]);
});

test("acceptFacts takes a new boot, also when the outbox lost what the log has", () => {
  for (const sequence of [3, 2]) {
    const boot = { previous: { boot: 1, sequence }, first: { boot: 2, sequence: 1 } };
    assert.deepEqual(outcomeOf(known().when(accept([service("healthy")], boot))), [
      { type: "serviceStatusChanged", node: n1, service: serviceSeen("healthy") },
      accepted(2, 1),
    ]);
  }
});

test("acceptFacts of another incarnation is a wipe, and ends what was under way", () => {
  const wiped = known()
    .given(actionPlanned)
    .when(accept([service("healthy")], { incarnation: "i2" }));
  assert.deepEqual(outcomeOf(wiped), [
    {
      type: "actionCancelled",
      node: n1,
      action: actionPlanned.action,
      reason: "the node was wiped",
    },
    { type: "nodeWiped", node: n1, incarnation: "i2", lost: 0 },
    { type: "serviceStatusChanged", node: n1, service: serviceSeen("healthy") },
    accepted(1, 1, "i2"),
  ]);
});

test("acceptFacts ignores what another incarnation sent later in its life", () => {
  const late = { incarnation: "i0", ...after3 };
  assert.deepEqual(outcomeOf(known().when(accept([service("healthy")], late))), []);
});

test("acceptFacts records only the watermark for facts that change nothing", () => {
  const same = known().given(
    { type: "serviceStatusChanged", node: n1, service: serviceSeen("healthy") },
    { type: "fileStatusChanged", node: n1, file: fileSeen("drifted") },
    { type: "inventoryChanged", node: n1, inventory: sampleInventory },
  );
  const facts: Fact[] = [
    service("healthy"),
    { type: "fileObserved", observedAtMs: 1, file: fileSeen("drifted") },
    { type: "inventoryObserved", observedAtMs: 1, inventory: structuredClone(sampleInventory) },
    { type: "serviceForgotten", observedAtMs: 1, key: "web/other" as never },
    { type: "fileForgotten", observedAtMs: 1, path: "/other" },
  ];
  assert.deepEqual(outcomeOf(same.when(accept(facts, after3))), [accepted(1, 8)]);
});

test("acceptFacts applies a difference to its base, and asks once for the whole without it", () => {
  const state = known().given({ type: "inventoryChanged", node: n1, inventory: sampleInventory });
  const changed = { ...sampleInventory, hostName: { type: "known", value: "other" } } as const;
  const fact = (before: Inventory, after: Inventory): Fact => ({
    type: "inventoryDiffered",
    observedAtMs: 1,
    ...differenceOf(before, after),
  });
  const fits = [fact(sampleInventory, changed), fact(changed, changed)];
  assert.deepEqual(outcomeOf(state.when(accept(fits, after3))), [
    { type: "inventoryChanged", node: n1, inventory: changed },
    accepted(1, 5),
  ]);
  const strange = [fact(bareInventory, changed), fact(sampleInventory, changed)];
  const whole: Fact = { type: "inventoryObserved", observedAtMs: 1, inventory: sampleInventory };
  assert.deepEqual(outcomeOf(state.when(accept([...strange, whole, whole], after3))), [
    { type: "inventoryOutdated", node: n1 },
    { type: "inventoryChanged", node: n1, inventory: sampleInventory },
    accepted(1, 7),
  ]);
});

test("acceptFacts compares each fact with what the one before it made of the node", () => {
  const facts = [
    service("crashed"),
    service("crashed"),
    service("starting", { pid: 7 }),
    service("crashed"),
  ];
  assert.deepEqual(outcomeOf(known().when(accept(facts, after3))), [
    { type: "serviceStatusChanged", node: n1, service: serviceSeen("crashed") },
    { type: "serviceStatusChanged", node: n1, service: serviceSeen("starting", { pid: 7 }) },
    { type: "serviceStatusChanged", node: n1, service: serviceSeen("crashed") },
    accepted(1, 7),
  ]);
});

test("acceptFacts takes a new diff, reason, pid or inventory for a change", () => {
  const state = known().given(
    { type: "serviceStatusChanged", node: n1, service: serviceSeen("healthy") },
    { type: "fileStatusChanged", node: n1, file: fileSeen("drifted") },
    { type: "inventoryChanged", node: n1, inventory: sampleInventory },
  );
  const facts: Fact[] = [
    service("healthy", { pid: 101 }),
    { type: "fileObserved", observedAtMs: 1, file: fileSeen("drifted", { diff: "-a\n+b\n" }) },
    { type: "inventoryObserved", observedAtMs: 1, inventory: bareInventory },
  ];
  const events = outcomeOf(state.when(accept(facts, after3)));
  assert.deepEqual(
    (events as DomainEvent[]).map((event) => event.type),
    ["serviceStatusChanged", "fileStatusChanged", "inventoryChanged", "factsAccepted"],
  );
});

test("acceptFacts takes a result while its action is open, and only the first", () => {
  const { actionFinished } = sampleFacts;
  const open = known().given(actionPlanned);
  const twice = open.when(
    accept([actionFinished, { ...actionFinished, outcome: "succeeded" }], after3),
  );
  assert.deepEqual(outcomeOf(twice), [
    {
      type: "actionFailed",
      node: n1,
      action: actionPlanned.action,
      reason: "no such program",
      durationMs: 3,
    },
    accepted(1, 5),
  ]);
  const late = known().given(actionPlanned, sampleEvents.actionTimedOut);
  assert.deepEqual(outcomeOf(late.when(accept([actionFinished], after3))), [accepted(1, 4)]);
});

test("acceptFacts takes no result from a node that the action is not for", () => {
  const state = known().given({ ...nodeDiscovered, node: n2 }, { ...actionPlanned, node: n2 });
  assert.deepEqual(outcomeOf(state.when(accept([sampleFacts.actionFinished], after3))), [
    accepted(1, 4),
  ]);
});

test("acceptFacts takes crashed as before for news when a start has ended in between", () => {
  const crashed: DomainEvent = {
    type: "serviceStatusChanged",
    node: n1,
    service: serviceSeen("crashed"),
  };
  const tried = known().given(crashed, actionPlanned, sampleEvents.actionSucceeded);
  assert.deepEqual(outcomeOf(tried.when(accept([service("crashed")], after3))), [
    crashed,
    accepted(1, 4),
  ]);
  const untried = known().given(crashed, actionPlanned);
  assert.deepEqual(outcomeOf(untried.when(accept([service("crashed")], after3))), [accepted(1, 4)]);
});

test("acceptFacts does not bring a lost node back: that is the detector's to say", () => {
  const lost = known().given(sampleEvents.nodeLost);
  const events = outcomeOf(lost.when(accept([service("healthy")], after3))) as DomainEvent[];
  assert.deepEqual(
    events.map((event) => event.type),
    ["serviceStatusChanged", "factsAccepted"],
  );
});

test("acceptFacts continues a forgotten node where its facts ended", () => {
  const forgotten = known().given(
    { type: "serviceStatusChanged", node: n1, service: serviceSeen("healthy") },
    actionPlanned,
    sampleEvents.nodeLost,
    sampleEvents.nodeForgotten,
  );
  assert.equal(forgotten.state.node(n1), undefined);
  forgotten.carryOut(accept([service("crashed")], after3));
  const { node } = forgotten;
  assert.deepEqual(node?.watermark, { boot: 1, sequence: 4 });
  assert.equal(node?.services.get(webApp)?.status, "crashed");
  assert.equal(node?.generation, 1);
  assert.deepEqual(node?.labels, nodeDiscovered.labels);
  assert.equal(forgotten.state.forgottenNode(n1), undefined);
});
