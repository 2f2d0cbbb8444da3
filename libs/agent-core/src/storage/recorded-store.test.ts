/**
 * What a recorded store tells, and when.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ActionId, Fact, ServiceKey, TargetKey } from "@atoll/domain";
import type { ActionEntry } from "../actions/action-entry.ts";
import { encodeFact } from "../outbox/fact-record.ts";
import { keyOfPosition } from "../outbox/position.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { type RecordedLine, RecordedStore } from "./recorded-store.ts";

const fact: Fact = { type: "serviceForgotten", observedAtMs: 7, key: "web/app" as ServiceKey };
const entry: ActionEntry = {
  action: "n1-1" as ActionId,
  target: "service:web/app" as TargetKey,
  generation: 1,
  term: 3,
  number: 1,
  order: { type: "stopService", key: "web/app" as ServiceKey },
  timeoutMs: 1_000,
};
const put = (key: string, value: Uint8Array): { type: "put"; key: string; value: Uint8Array } => ({
  type: "put",
  key,
  value,
});

test("tells of a fact before its write and after it, of an action after it", async () => {
  const disk = new MemoryDisk();
  const told: RecordedLine[] = [];
  const store = new RecordedStore(await disk.open(), (line) => told.push(line));
  const writing = store.write([
    put(keyOfPosition({ boot: 2, sequence: 5 }), encodeFact(fact)),
    put("action!n1-1", Buffer.from(JSON.stringify(entry))),
    put("elsewhere", Buffer.from("x")),
  ]);
  assert.deepEqual(told, [{ type: "offered", boot: 2, sequence: 5, fact }]);
  await writing;
  const { action, target, generation, term } = entry;
  assert.deepEqual(told.slice(1), [
    { type: "stored", boot: 2, sequence: 5 },
    { type: "taken", action, target, generation, term, order: "stopService" },
  ]);
  const result = { outcome: "succeeded", reason: "", durationMs: 4 };
  await store.write([put("action!n1-1", Buffer.from(JSON.stringify({ ...entry, result })))]);
  assert.deepEqual(told.at(-1), { type: "finished", action, outcome: "succeeded" });
});

test("a write that fails is offered and neither stored nor taken", async () => {
  const disk = new MemoryDisk();
  const told: RecordedLine[] = [];
  const store = new RecordedStore(await disk.open(), (line) => told.push(line));
  disk.failure = new Error("the disk is full");
  const write = store.write([
    put(keyOfPosition({ boot: 2, sequence: 5 }), encodeFact(fact)),
    put("action!n1-1", Buffer.from(JSON.stringify(entry))),
  ]);
  await assert.rejects(write);
  assert.deepEqual(
    told.map(({ type }) => type),
    ["offered"],
  );
});
