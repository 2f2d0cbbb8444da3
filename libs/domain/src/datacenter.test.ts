import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "@atoll/stdx";
import { Datacenter } from "./datacenter.ts";
import { Draft } from "./draft.ts";
import type { NodeName } from "./names.ts";
import { RecencyMap } from "./recency-map.ts";
import { SharedMap } from "./shared-map.ts";
import type { NodeState } from "./state.ts";
import { given, n1, sampleEvents } from "./testing/index.ts";

const sample = given(sampleEvents.nodeDiscovered).node as NodeState;

function named(name: string): NodeState {
  return { ...sample, name: name as NodeName };
}

test("Datacenter and Draft walk in order of names, whatever was set and removed", () => {
  const prng = new Prng(11);
  const model = new Map<string, NodeState>();
  const datacenter = new Datacenter();
  for (let round = 0; round < 300; round += 1) {
    const draft = new Draft(datacenter);
    const drafted = new Map(model);
    for (let change = prng.below(4); change >= 0; change -= 1) {
      const node = named(`n${prng.below(40)}`);
      const value = prng.chance(1, 3) ? undefined : node;
      if (value === undefined) drafted.delete(node.name);
      else drafted.set(node.name, value);
      draft.setNode(node.name, value);
    }
    assert.deepEqual(
      [...draft.nodes()].map(({ name }) => name),
      [...drafted.keys()].toSorted(),
    );
    const node = named(`n${prng.below(40)}`);
    const value = prng.chance(1, 3) ? undefined : node;
    if (value === undefined) model.delete(node.name);
    else model.set(node.name, value);
    datacenter.setNode(node.name, value);
    assert.deepEqual(
      [...datacenter.nodes()].map(({ name }) => name),
      [...model.keys()].toSorted(),
    );
    assert.equal(datacenter.nodeCount, model.size);
  }
});

test("Datacenter.copy() and the original change apart from each other", () => {
  const state = given(
    sampleEvents.nodeDiscovered,
    sampleEvents.roleApplied,
    sampleEvents.actionPlanned,
    sampleEvents.operationStarted,
    sampleEvents.requestRecorded,
  );
  const copy = state.state.copy();
  const before = state.node;
  state.given(
    sampleEvents.roleAssigned,
    sampleEvents.actionSucceeded,
    sampleEvents.operationSucceeded,
    sampleEvents.roleDeleted,
  );
  assert.equal(copy.node(n1), before);
  assert.equal(copy.action(sampleEvents.actionPlanned.action)?.status, "planned");
  assert.equal([...copy.runningOperations()].length, 1);
  assert.equal([...copy.roles()].length, 1);
  copy.setNode(n1, undefined);
  assert.notEqual(state.node, undefined);
  assert.equal(copy.stampMs, 5_000);
});

test("SharedMap copies behave like maps of their own", () => {
  const prng = new Prng(5);
  const maps = [{ shared: new SharedMap<string, number>(), model: new Map<string, number>() }];
  for (let round = 0; round < 5_000; round += 1) {
    const { shared, model } = prng.pick(maps);
    const key = `k${prng.below(600)}`;
    if (prng.chance(1, 3)) {
      shared.delete(key);
      model.delete(key);
    } else {
      shared.set(key, round);
      model.set(key, round);
    }
    if (prng.chance(1, 500)) maps.push({ shared: shared.copy(), model: new Map(model) });
  }
  for (const { shared, model } of maps) {
    for (let key = 0; key < 600; key += 1)
      assert.equal(shared.get(`k${key}`), model.get(`k${key}`));
  }
  assert.ok(maps.length > 3);
});

test("RecencyMap knows its oldest key through thousands of rounds", () => {
  const prng = new Prng(3);
  const map = new RecencyMap<string, number>();
  const model = new Map<string, number>();
  for (let round = 0; round < 20_000; round += 1) {
    const key = `k${prng.below(3_000)}`;
    map.set(key, round);
    model.set(key, round);
    const oldest = map.oldest() as string;
    const removed = prng.chance(1, 20) ? `k${prng.below(3_000)}` : oldest;
    if (model.size > 1_500) {
      map.delete(removed);
      model.delete(removed);
    }
  }
  assert.deepEqual([...map.values()], [...model.values()]);
  assert.equal(map.oldest(), model.keys().next().value);
  assert.equal(map.size, model.size);
});

test("Draft leaves its base as it is", () => {
  const state = given(sampleEvents.nodeDiscovered, sampleEvents.operationStarted);
  const draft = new Draft(state.state);
  draft.setNode(n1, undefined);
  draft.setOperation(sampleEvents.operationStarted.operation, undefined);
  assert.deepEqual(
    [draft.node(n1), draft.runningOperationCount, [...draft.runningOperations()]],
    [undefined, 0, []],
  );
  assert.deepEqual([state.node?.name, state.state.runningOperationCount], [n1, 1]);
});

test("Datacenter keeps equal parts of inventories once, and what is empty", () => {
  const state = given(sampleEvents.nodeDiscovered, sampleEvents.inventoryChanged);
  const { inventory } = state.node as NodeState;
  assert.ok(inventory !== undefined);
  const datacenter = new Datacenter();
  for (const name of ["a", "b"]) {
    datacenter.setNode(name as NodeName, {
      ...named(name),
      inventory: structuredClone(inventory),
    });
  }
  const [one, other] = [...datacenter.nodes()];
  assert.deepEqual(one?.inventory, inventory);
  assert.equal(other?.inventory?.value.bios, one?.inventory?.value.bios);
  assert.equal(sample.files, sample.failures);
});
