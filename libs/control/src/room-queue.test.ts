import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import {
  actionId,
  Datacenter,
  type DomainEvent,
  evolve,
  type FaultDomainName,
  type NodeName,
} from "@atoll/domain";
import { sampleEvents, webAppTarget } from "@atoll/domain/testing";
import { RoomQueue } from "./room-queue.ts";

const RACK = "rack:r1" as FaultDomainName;
const NODES = Array.from({ length: 10 }, (_, at) => `n${at + 1}` as NodeName);

let view: Datacenter;
let queue: RoomQueue;
let index: number;

beforeEach(() => {
  view = new Datacenter();
  queue = new RoomQueue();
  index = 0;
  for (const node of NODES) {
    log({ ...sampleEvents.nodeDiscovered, node });
    log({ type: "nodeUpdated", node, labels: {}, location: { rack: "r1" } });
  }
});

function log(event: DomainEvent): void {
  index += 1;
  evolve(view, event, { index, offset: 0, stampMs: index }, "test");
  queue.applied(event, view);
}

function disrupt(node: NodeName): void {
  const action = actionId(node, 1);
  log({ ...sampleEvents.actionPlanned, node, action, disruptive: true });
}

function end(node: NodeName): void {
  log({ type: "disruptionEnded", node, target: webAppTarget });
}

function woken(): readonly NodeName[] {
  return queue.takeWoken(view);
}

test("RoomQueue wakes nobody until something happens where they wait", () => {
  for (const node of NODES) queue.planned(node, RACK);
  assert.deepEqual(woken(), []);
  log({ ...sampleEvents.nodeDiscovered, node: "elsewhere" as NodeName });
  assert.deepEqual(woken(), []);
});

test("RoomQueue wakes as many as there is room for, in the order they came", () => {
  const [first, second, ...others] = NODES as [NodeName, NodeName, ...NodeName[]];
  disrupt(first);
  disrupt(second);
  for (const node of others) queue.planned(node, RACK);
  log({ type: "nodeReturned", node: first });
  assert.deepEqual(woken(), []);
  end(first);
  assert.deepEqual(woken(), ["n3"]);
  // It was planned and could not use the room: it waits behind the others.
  queue.planned("n3" as NodeName, RACK);
  end(second);
  assert.deepEqual(woken(), ["n4", "n5"]);
  assert.deepEqual(woken(), []);
});

test("RoomQueue hands on the room of one that needs it no more", () => {
  for (const node of NODES.slice(0, 4)) queue.planned(node, RACK);
  log({ type: "nodeReturned", node: "n9" as NodeName });
  assert.deepEqual(woken(), ["n1", "n2"]);
  queue.planned("n1" as NodeName, undefined);
  queue.planned("n2" as NodeName, undefined);
  queue.planned("n3" as NodeName, undefined);
  assert.deepEqual(woken(), ["n4"]);
});

test("RoomQueue looks everywhere when a node moves or is forgotten", () => {
  disrupt("n1" as NodeName);
  disrupt("n2" as NodeName);
  queue.planned("n3" as NodeName, RACK);
  log({ type: "nodeUpdated", node: "n1" as NodeName, labels: {}, location: { rack: "r2" } });
  // Of nine nodes one may be disrupted, and n2 is.
  assert.deepEqual(woken(), []);
  log({ type: "nodeForgotten", node: "n2" as NodeName });
  assert.deepEqual(woken(), ["n3"]);
});
