/** What tells copies of one agent apart, in every message that says it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { batchOf, dc1, firstTwin, n1, sampleFacts, sampleOrders } from "@atoll/domain/testing";
import type { DomainEvent } from "@atoll/domain";
import {
  decodeActionOrder,
  decodeDirective,
  decodeFactBatch,
  decodeHeartbeat,
  decodeLogEntry,
  decodeWithdrawal,
  encodeActionOrder,
  encodeDirective,
  encodeFactBatch,
  encodeHeartbeat,
  encodeLogEntry,
  encodeWithdrawal,
} from "@atoll/codec";

const { instance } = firstTwin.process;
const position = { boot: 2, sequence: 7, instance };

test("positions come back with the instance that gave them", () => {
  const facts = [sampleFacts.serviceObserved];
  const next = { boot: 3, sequence: 1, instance: "later" };
  const batch = batchOf(facts, { previous: position, first: next });
  assert.deepEqual(decodeFactBatch(encodeFactBatch(dc1, batch)), {
    type: "decoded",
    value: { datacenter: dc1, batch },
  });
  const event: DomainEvent = {
    type: "factsAccepted",
    node: n1,
    incarnation: "i1",
    through: position,
  };
  const entry = { stampMs: 1, events: [{ event, actor: "agent/n1" }] };
  assert.deepEqual(decodeLogEntry(encodeLogEntry(entry)), entry);
  const wrong = { ...batch, first: { ...next, instance: "two words" } };
  assert.equal(decodeFactBatch(encodeFactBatch(dc1, wrong)).type, "undecodable");
});

test("a heartbeat comes back with the process that sent it", () => {
  const heartbeat = {
    datacenter: dc1,
    node: n1,
    incarnation: "i1",
    last: position,
    committed: position,
    maintenance: false,
    server: "nats-1",
    process: firstTwin.process,
  };
  assert.deepEqual(decodeHeartbeat(encodeHeartbeat(heartbeat)), {
    type: "decoded",
    value: heartbeat,
  });
  const nameless = { ...heartbeat, process: { ...firstTwin.process, instance: "" } };
  assert.equal(decodeHeartbeat(encodeHeartbeat(nameless)).type, "undecodable");
});

test("a directive and an order come back with whom they are for", () => {
  const directive = {
    term: 4,
    incarnation: "i1",
    committed: position,
    maintenance: true,
    contested: true,
    left: { incarnation: "i0", committed: { ...position, sequence: 3 } },
  };
  assert.deepEqual(decodeDirective(encodeDirective(directive)), {
    type: "decoded",
    value: directive,
  });
  const named = {
    term: 4,
    action: "n1-1" as never,
    generation: 1,
    target: "file:/etc/app.conf" as never,
    incarnation: "i1",
    instance,
  };
  const order = { ...named, timeoutMs: 10, order: sampleOrders.writeFile };
  assert.deepEqual(decodeActionOrder(encodeActionOrder(order)), { type: "decoded", value: order });
  assert.deepEqual(decodeWithdrawal(encodeWithdrawal(named)), { type: "decoded", value: named });
});
