import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogEntry } from "@atoll/domain";
import { bareInventory, n1, sampleEvents, sampleOrders, serviceSeen } from "@atoll/domain/testing";
import { DecodeError, decodeLogEntry, encodeLogEntry } from "@atoll/codec";
import { LogEntry as ProtoLogEntry } from "@atoll/proto/atoll/log/v1/log";
import { Prng } from "@atoll/stdx";

const { actionPlanned, roleApplied } = sampleEvents;
const everything: LogEntry = {
  stampMs: 1_700_000_000_123,
  stream: { created: "2024-01-01T00:00:00.000000001Z", sequence: 12_345 },
  events: [
    ...Object.values(sampleEvents),
    ...Object.values(sampleOrders).map((order) => ({ ...actionPlanned, order })),
    { type: "inventoryChanged", node: n1, inventory: bareInventory } as const,
    { type: "nodeUpdated", node: n1, labels: {}, location: {} } as const,
    {
      ...roleApplied,
      role: {
        name: roleApplied.role.name,
        description: "",
        drift: "report",
        files: [],
        services: [],
      },
    } as const,
    ...(["starting", "healthy", "unhealthy", "stopped", "crashed"] as const).map(
      (status) =>
        ({ type: "serviceStatusChanged", node: n1, service: serviceSeen(status) }) as const,
    ),
  ].map((event) => ({ event, actor: "agent/n1" })),
};

test("a log entry with every event and order comes back as it was", () => {
  assert.deepEqual(decodeLogEntry(encodeLogEntry(everything)), everything);
  const bare: LogEntry = { stampMs: 1, events: [] };
  assert.deepEqual(decodeLogEntry(encodeLogEntry(bare)), bare);
});

test("a log entry keeps its largest numbers and strange texts", () => {
  const { nodeSuspected, maintenanceStarted } = sampleEvents;
  const entry: LogEntry = {
    stampMs: Number.MAX_SAFE_INTEGER,
    events: [
      { event: { ...nodeSuspected, silentMs: Number.MAX_SAFE_INTEGER }, actor: "" },
      { event: { ...maintenanceStarted, reason: 'é 漢 🌊 \u0000 " \\ ' }, actor: "ann" },
    ],
  };
  assert.deepEqual(decodeLogEntry(encodeLogEntry(entry)), entry);
});

test("a log entry has the same bytes whatever the order of labels and variables was", () => {
  const { nodeDiscovered } = sampleEvents;
  const entry = (labels: Record<string, string>): Uint8Array =>
    encodeLogEntry({ stampMs: 1, events: [{ event: { ...nodeDiscovered, labels }, actor: "" }] });
  assert.deepEqual(entry({ a: "1", b: "2", 10: "3" }), entry({ 10: "3", b: "2", a: "1" }));
});

test("decodeLogEntry() throws DecodeError on bytes that are not an entry", () => {
  for (const bytes of [
    Uint8Array.of(0xff),
    Uint8Array.of(0x1a, 0x05, 1),
    new TextEncoder().encode("hello"),
  ]) {
    assert.throws(() => decodeLogEntry(bytes), DecodeError);
  }
});

test("decodeLogEntry() stops at an event of a later release", () => {
  const later = ProtoLogEntry.encode({
    stampMs: 1,
    events: [{ event: { event: undefined }, actor: "x" }],
  }).finish();
  assert.throws(() => decodeLogEntry(later), /no known type/);
});

test("decodeLogEntry() gives an entry or a DecodeError for any bytes", () => {
  const prng = new Prng(17);
  const good = encodeLogEntry(everything);
  let entries = 0;
  for (let round = 0; round < 3_000; round += 1) {
    const bytes = mutate(good, prng);
    try {
      decodeLogEntry(bytes);
      entries += 1;
    } catch (error) {
      assert.ok(error instanceof DecodeError, String(error));
    }
  }
  assert.ok(entries > 0 && entries < 3_000);
});

function mutate(bytes: Uint8Array, prng: Prng): Uint8Array {
  const mutated = bytes.slice(0, prng.chance(1, 3) ? prng.below(bytes.length) : bytes.length);
  for (let count = prng.below(4); count > 0 && mutated.length > 0; count -= 1) {
    mutated[prng.below(mutated.length)] = prng.below(256);
  }
  return mutated;
}
