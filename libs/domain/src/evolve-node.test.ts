import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeName, OperationId } from "./names.ts";
import { evolveEntry } from "./evolve.ts";
import { Datacenter } from "./datacenter.ts";
import { FORGOTTEN_NODES_MAX, OPERATIONS_FINISHED_MAX, REQUESTS_MAX } from "./state.ts";
import { given, n1, sampleEvents, serviceSeen, webApp } from "./testing/index.ts";

const { nodeDiscovered, nodeWiped, agentStarted, maintenanceStarted, actionPlanned } = sampleEvents;

test("evolve() takes every event in an empty state and after itself without a throw", () => {
  for (const event of Object.values(sampleEvents)) {
    assert.doesNotThrow(() => given(event, event), event.type);
  }
});

test("evolve() of nodeDiscovered makes a living node with nothing on it, once", () => {
  const state = given(nodeDiscovered);
  const { node } = state;
  assert.deepEqual(
    [node?.presence, node?.generation, node?.revision, node?.labels, node?.watermark],
    ["alive", 0, 1, nodeDiscovered.labels, { boot: 0, sequence: 0 }],
  );
  assert.equal(state.given({ ...nodeDiscovered, labels: {} }).node, node);
});

test("evolve() of agentStarted replaces what was observed, keeping the time of what stayed", () => {
  const state = given(nodeDiscovered, agentStarted);
  state.given({ ...agentStarted, agentVersion: "0.2.0", files: [] });
  const { node } = state;
  assert.equal(node?.agentVersion, "0.2.0");
  assert.equal(node?.files.size, 0);
  assert.equal(node?.services.get(webApp)?.since.index, 2);
  state.given({ ...agentStarted, services: [serviceSeen("healthy", { pid: 7 })] });
  assert.equal(state.node?.services.get(webApp)?.since.index, 4);
});

test("evolve() of nodeWiped forgets what was observed and keeps what users set", () => {
  const state = given(
    nodeDiscovered,
    agentStarted,
    sampleEvents.inventoryChanged,
    sampleEvents.roleAssigned,
    actionPlanned,
    nodeWiped,
  );
  const { node } = state;
  assert.deepEqual(
    [node?.services.size, node?.files.size, node?.open.size, node?.inventory],
    [0, 0, 0, undefined],
  );
  assert.deepEqual([node?.incarnation, node?.generation, node?.bootId], ["i2", 1, ""]);
  assert.deepEqual([node?.assignedRoles, node?.labels], [["web"], nodeDiscovered.labels]);
  assert.equal(state.state.action(actionPlanned.action)?.status, "cancelled");
});

test("evolve() of inventoryOutdated stands until the whole inventory is there", () => {
  const { inventoryChanged, inventoryOutdated } = sampleEvents;
  const state = given(nodeDiscovered, inventoryChanged, inventoryOutdated);
  assert.equal(state.node?.inventoryOutdated, true);
  assert.deepEqual(state.node?.inventory?.value, inventoryChanged.inventory);
  assert.equal(state.given(inventoryChanged).node?.inventoryOutdated, undefined);
});

test("evolve() of factsDropped adds up what was lost of each lane, until a wipe", () => {
  const { factsDropped } = sampleEvents;
  const state = given(nodeDiscovered, factsDropped, { ...factsDropped, lane: "inventory" });
  state.given({ ...factsDropped, count: 5 });
  assert.deepEqual(
    [...(state.node?.dropped ?? [])],
    [
      ["state", { count: 17, last: { index: 4, stampMs: 4_000 } }],
      ["inventory", { count: 12, last: { index: 3, stampMs: 3_000 } }],
    ],
  );
  assert.equal(state.given(nodeWiped).node?.dropped, undefined);
});

test("evolve() of roles and maintenance sorts, says who and when, and moves the revision", () => {
  const state = given(nodeDiscovered, sampleEvents.roleAssigned, {
    ...sampleEvents.roleAssigned,
    role: "db" as never,
  });
  assert.deepEqual(state.node?.assignedRoles, ["db", "web"]);
  assert.equal(state.node?.revision, 3);
  state.given(maintenanceStarted);
  assert.deepEqual(state.node?.maintenance, {
    reason: "new disk",
    actor: "tester",
    since: { index: 4, stampMs: 4_000 },
  });
  state.given(sampleEvents.maintenanceEnded);
  assert.equal("maintenance" in (state.node ?? {}), false);
  assert.equal(state.node?.revision, 5);
});

test("evolve() of nodeForgotten drops its actions; forgotten nodes are bounded", () => {
  const state = given(nodeDiscovered, actionPlanned, sampleEvents.nodeForgotten);
  assert.equal(state.state.action(actionPlanned.action), undefined);
  assert.equal(state.state.forgottenNode(n1)?.generation, 1);
  for (let number = 0; number < FORGOTTEN_NODES_MAX; number += 1) {
    const node = `f${number}` as NodeName;
    state.given({ ...nodeDiscovered, node }, { type: "nodeForgotten", node });
  }
  assert.equal(state.state.forgottenNodeCount(), FORGOTTEN_NODES_MAX);
  assert.equal(state.state.forgottenNode(n1), undefined);
});

test("evolve() never uses the id of an action again, node forgotten and wiped or not", () => {
  const state = given(nodeDiscovered, actionPlanned, sampleEvents.nodeForgotten, {
    ...nodeDiscovered,
    incarnation: "i9",
  });
  assert.equal(state.node?.generation, 1);
  assert.deepEqual(state.node?.watermark, { boot: 0, sequence: 0 });
});

test("evolve() keeps bounded numbers of finished operations and of requests, the newest", () => {
  const state = given();
  for (let number = 1; number <= OPERATIONS_FINISHED_MAX + 3; number += 1) {
    const operation = `op-${number}` as OperationId;
    state.given(
      { ...sampleEvents.operationStarted, operation },
      { type: "operationSucceeded", operation },
    );
  }
  for (let number = 1; number <= REQUESTS_MAX + 2; number += 1) {
    state.given({ ...sampleEvents.requestRecorded, requestId: `r${number}` });
  }
  const datacenter = state.state;
  assert.equal(datacenter.finishedOperationCount(), OPERATIONS_FINISHED_MAX);
  assert.equal(datacenter.operation("op-3" as OperationId), undefined);
  assert.equal(datacenter.operation("op-4" as OperationId)?.status, "succeeded");
  assert.equal(datacenter.operationCount, OPERATIONS_FINISHED_MAX + 3);
  assert.equal(datacenter.requestCount(), REQUESTS_MAX);
  assert.equal(datacenter.request("r2"), undefined);
  assert.notEqual(datacenter.request("r3"), undefined);
});

test("evolveEntry() keeps the stream position when there is none, and the highest stamp", () => {
  const state = new Datacenter();
  evolveEntry(state, { stampMs: 5, stream: { created: "s1", sequence: 9 }, events: [] }, 1);
  evolveEntry(state, { stampMs: 4, events: [] }, 2);
  assert.deepEqual([state.stampMs, state.stream], [5, { created: "s1", sequence: 9 }]);
});
