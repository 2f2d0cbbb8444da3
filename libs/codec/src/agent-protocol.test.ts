import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fact, FactBatch } from "@atoll/domain";
import {
  bareInventory,
  batchOf,
  dc1,
  fileSeen,
  n1,
  sampleFacts,
  sampleOrders,
  serviceSeen,
  webAppTarget,
} from "@atoll/domain/testing";
import {
  decodeActionOrder,
  decodeActionReply,
  decodeDirective,
  decodeFactBatch,
  decodeHeartbeat,
  decodeWithdrawal,
  encodeActionOrder,
  encodeActionReply,
  encodeDirective,
  encodeFactBatch,
  encodeHeartbeat,
  encodeWithdrawal,
} from "@atoll/codec";
import type { ActionOrder, ActionReplyCode, Decoded } from "@atoll/codec";
import { FactBatch as ProtoFactBatch } from "@atoll/proto/atoll/agent/v1/agent";
import { Prng } from "@atoll/stdx";

const facts: Fact[] = [
  ...Object.values(sampleFacts),
  { type: "inventoryObserved", observedAtMs: 9, inventory: bareInventory },
  { ...sampleFacts.actionFinished, outcome: "succeeded", reason: "" },
];
const heartbeat = {
  datacenter: dc1,
  node: n1,
  incarnation: "i1",
  last: { boot: 2, sequence: 9 },
  committed: { boot: 0, sequence: 0 },
  maintenance: true,
  server: "nats-1",
};
const directive = {
  term: 7,
  incarnation: "i1",
  committed: { boot: 2, sequence: 9 },
  maintenance: false,
};
const order: ActionOrder = {
  term: 7,
  action: "n1-1" as ActionOrder["action"],
  generation: 1,
  target: webAppTarget,
  timeoutMs: 30_000,
  order: sampleOrders.startService,
  incarnation: "i1",
};

function reasonOf(decoded: Decoded<unknown>): string {
  return decoded.type === "undecodable" ? decoded.reason : "decoded";
}

function refusal(more: Partial<FactBatch>, datacenter = "dc1"): string {
  return reasonOf(decodeFactBatch(encodeFactBatch(datacenter as typeof dc1, batchOf(facts, more))));
}

test("a batch of every fact comes back as it was", () => {
  const batch = batchOf(facts);
  assert.deepEqual(decodeFactBatch(encodeFactBatch(dc1, batch)), {
    type: "decoded",
    value: { datacenter: dc1, batch },
  });
});

test("decodeFactBatch() refuses names and identities that are none", () => {
  assert.match(refusal({ node: "a.b" as never }), /^node "a.b" is not a name/);
  assert.match(refusal({}, "a/b"), /^datacenter "a\/b" is not a name/);
  assert.match(refusal({ incarnation: "" }), /^incarnation is ""/);
  assert.match(refusal({ incarnation: "a b" }), /^incarnation/);
  for (const fact of [
    { ...sampleFacts.serviceForgotten, key: "web" },
    { ...sampleFacts.serviceForgotten, key: "web/a/b" },
    { ...sampleFacts.serviceObserved, service: serviceSeen("healthy", { key: "W/a" as never }) },
    { ...sampleFacts.serviceObserved, service: serviceSeen("healthy", { pid: -1 }) },
    { ...sampleFacts.serviceObserved, service: serviceSeen("healthy", { digest: "a b" }) },
    { ...sampleFacts.fileObserved, file: fileSeen("inSync", { path: "../x" }) },
    { ...sampleFacts.fileForgotten, path: "/a/../b" },
    { ...sampleFacts.actionFinished, action: "x" },
    { ...sampleFacts.actionFinished, durationMs: -1 },
    { ...sampleFacts.agentStarted, labels: { "a/b": "" } },
    { ...sampleFacts.agentStarted, bootId: "" },
  ]) {
    assert.notEqual(refusal({ facts: [fact as Fact] }), "decoded", JSON.stringify(fact));
  }
});

test("decodeFactBatch() refuses positions with a gap between them, and too many facts", () => {
  const wrong: [FactBatch["previous"], FactBatch["first"]][] = [
    [
      { boot: 0, sequence: 0 },
      { boot: 0, sequence: 0 },
    ],
    [
      { boot: 0, sequence: 0 },
      { boot: 1, sequence: 2 },
    ],
    [
      { boot: 1, sequence: 1 },
      { boot: 1, sequence: 1 },
    ],
    [
      { boot: 1, sequence: 3 },
      { boot: 1, sequence: 5 },
    ],
    [
      { boot: 1, sequence: 3 },
      { boot: 2, sequence: 4 },
    ],
    [
      { boot: 3, sequence: 1 },
      { boot: 2, sequence: 1 },
    ],
    [
      { boot: 0, sequence: 3 },
      { boot: 1, sequence: 1 },
    ],
    [
      { boot: 1, sequence: Number.MAX_SAFE_INTEGER - 2 },
      { boot: 1, sequence: Number.MAX_SAFE_INTEGER - 1 },
    ],
  ];
  for (const [previous, first] of wrong) {
    assert.notEqual(refusal({ previous, first }), "decoded", JSON.stringify({ previous, first }));
  }
  for (const [previous, first] of [
    [
      { boot: 1, sequence: 3 },
      { boot: 1, sequence: 4 },
    ],
    [
      { boot: 1, sequence: 3 },
      { boot: 4, sequence: 1 },
    ],
  ] as const) {
    assert.equal(refusal({ previous, first }), "decoded");
  }
  assert.match(refusal({ facts: [] }), /^a batch has 0 facts/);
  assert.match(
    refusal({ facts: Array.from({ length: 257 }, () => sampleFacts.serviceForgotten) }),
    /^a batch has 257/,
  );
});

test("decodeFactBatch() refuses enums and facts that it does not know", () => {
  const service = { key: "web/app", digest: "d", status: 99 as never, pid: 1, reason: "" };
  const unknownStatus = {
    observedAtMs: 1,
    fact: { $case: "serviceObserved", value: service },
  } as const;
  for (const fact of [unknownStatus, { observedAtMs: 1, fact: undefined }]) {
    const bytes = ProtoFactBatch.encode({
      datacenter: "dc1",
      node: "n1",
      incarnation: "i1",
      first: { boot: 1, sequence: 1 },
      facts: [fact],
    }).finish();
    assert.match(reasonOf(decodeFactBatch(bytes)), /99 is no service status|no known type/);
  }
});

test("decodeFactBatch() cuts long texts for people instead of refusing the facts", () => {
  const long = "x".repeat(20_000);
  const batch = batchOf([
    { ...sampleFacts.serviceObserved, service: serviceSeen("crashed", { reason: long }) },
    { ...sampleFacts.fileObserved, file: fileSeen("drifted", { diff: long, reason: long }) },
    {
      ...sampleFacts.inventoryObserved,
      inventory: { ...bareInventory, kernel: { type: "known", value: long } },
    },
  ]);
  const decoded = decodeFactBatch(encodeFactBatch(dc1, batch));
  assert.equal(decoded.type, "decoded");
  const [service, file, inventory] = decoded.type === "decoded" ? decoded.value.batch.facts : [];
  assert.equal(service?.type === "serviceObserved" && service.service.reason.length, 2_000);
  assert.equal(file?.type === "fileObserved" && file.file.diff.length, 8_192);
  assert.match(
    inventory?.type === "inventoryObserved" && inventory.inventory.kernel.type === "unknown"
      ? inventory.inventory.kernel.reason
      : "",
    /^longer than 256 characters/,
  );
});

test("heartbeats and directives come back as they were", () => {
  assert.deepEqual(decodeHeartbeat(encodeHeartbeat(heartbeat)), {
    type: "decoded",
    value: heartbeat,
  });
  assert.deepEqual(decodeDirective(encodeDirective(directive)), {
    type: "decoded",
    value: directive,
  });
});

test("orders of every type come back as they were", () => {
  const fileTarget = "file:/etc/app.conf" as ActionOrder["target"];
  for (const sample of Object.values(sampleOrders)) {
    const target = sample.type.endsWith("File") ? fileTarget : webAppTarget;
    const value = { ...order, target, order: sample };
    assert.deepEqual(decodeActionOrder(encodeActionOrder(value)), { type: "decoded", value });
  }
});

test("decodeActionOrder() refuses orders that are not whole or name another target", () => {
  const { startService, writeFile } = sampleOrders;
  const wrong: Partial<ActionOrder>[] = [
    { target: "service:web/other" as never },
    { target: "web/app" as never },
    { action: "n1" as never },
    { term: -1 },
    { timeoutMs: -1 },
    { order: { ...startService, service: { ...startService.service, command: [] } } },
    { order: { ...startService, service: { ...startService.service, digest: "" } } },
    {
      target: "file:/../x" as never,
      order: { ...writeFile, file: { ...writeFile.file, path: "/../x" } },
    },
    {
      target: "file:/etc/app.conf" as never,
      order: { ...writeFile, file: { ...writeFile.file, mode: "rw" } },
    },
  ];
  for (const more of wrong) {
    const bytes = encodeActionOrder({ ...order, ...more });
    assert.equal(decodeActionOrder(bytes).type, "undecodable", JSON.stringify(more));
  }
});

test("a withdrawal comes back as it was, and is never taken for an order, nor one for it", () => {
  const { order: _order, timeoutMs: _timeoutMs, ...value } = order;
  const bytes = encodeWithdrawal(value);
  assert.deepEqual(decodeWithdrawal(bytes), { type: "decoded", value });
  assert.equal(decodeActionOrder(bytes).type, "undecodable");
  assert.equal(decodeWithdrawal(encodeActionOrder(order)).type, "undecodable");
  for (const more of [{ term: -1 }, { action: "n1" }, { target: "web/app" }, { incarnation: "" }]) {
    const wrong = encodeWithdrawal({ ...value, ...more } as typeof value);
    assert.equal(decodeWithdrawal(wrong).type, "undecodable", JSON.stringify(more));
  }
});

test("replies with every code come back as they were", () => {
  const codes: ActionReplyCode[] = [
    "accepted",
    "staleTerm",
    "staleGeneration",
    "otherIncarnation",
    "unable",
    "withdrawn",
    "begun",
  ];
  for (const code of codes) {
    const value = { code, reason: "because", term: 9 };
    assert.deepEqual(decodeActionReply(encodeActionReply(value)), { type: "decoded", value });
  }
  assert.equal(decodeActionReply(new Uint8Array(0)).type, "undecodable");
});

test("no bytes whatever crash a decoder of foreign messages", () => {
  const prng = new Prng(23);
  const messages: [string, (bytes: Uint8Array) => Decoded<unknown>, Uint8Array][] = [
    ["facts", decodeFactBatch, encodeFactBatch(dc1, batchOf(facts))],
    ["heartbeat", decodeHeartbeat, encodeHeartbeat(heartbeat)],
    ["directive", decodeDirective, encodeDirective(directive)],
    ["order", decodeActionOrder, encodeActionOrder(order)],
    ["withdrawal", decodeWithdrawal, encodeWithdrawal(order)],
    ["reply", decodeActionReply, encodeActionReply({ code: "unable", reason: "x", term: 1 })],
  ];
  for (const [what, decode, good] of messages) {
    for (let cut = 0; cut < Math.min(good.length, 400); cut += 1) decode(good.subarray(0, cut));
    let undecodable = 0;
    for (let round = 0; round < 2_000; round += 1) {
      const bytes = prng.chance(1, 4)
        ? Uint8Array.from({ length: prng.below(40) }, () => prng.below(256))
        : good.slice();
      for (let count = prng.between(0, 3); count > 0 && bytes.length > 0; count -= 1) {
        bytes[prng.below(bytes.length)] = prng.below(256);
      }
      const decoded = decode(bytes);
      if (decoded.type === "undecodable") {
        undecodable += 1;
        assert.ok(decoded.reason.length > 0 && decoded.reason.length <= 300, what);
      }
    }
    assert.ok(undecodable > 100, what);
  }
});
