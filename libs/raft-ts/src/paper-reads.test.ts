/**
 * Reads in the Raft dissertation (§6.4). Each test names its section; what can go wrong between
 * lives and leaders is in pitfalls.test.ts.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "./message.ts";
import { ManualGroup } from "./testing/manual-group.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function propose(group: ManualGroup, id: number, ...texts: string[]): void {
  group.step(id, { type: "propose", proposal: group.lines.length, data: texts.map(bytes) });
}

const between =
  (from: number, to: number) =>
  (message: Message): boolean =>
    message.from === from && message.to === to;

test("dissertation §6.4 a read waits for a round of heartbeats that began after it", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  // A reply to an earlier heartbeat is under way when the read comes.
  group.tick(1, 3);
  group.deliver(between(1, 2));
  group.step(1, { type: "readIndex", read: 7 });
  group.deliver(between(2, 1));
  assert.deepEqual(group.answers(1), [], "the earlier reply proves nothing");
  group.settle();
  assert.deepEqual(group.answers(1), [{ type: "readReady", read: 7, index: 1 }]);
});

test("dissertation §6.4 reads that come during a round share the next", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  for (let read = 1; read <= 10; read += 1) group.step(1, { type: "readIndex", read });
  group.settle();
  assert.equal(group.answers(1).length, 10);
  const rounds = group.lines.filter((line) => /^1>2 heartbeat .*round=[1-9]/.test(line));
  assert.equal(rounds.length, 2);
});

test("dissertation §6.4 a follower asks its leader, once for all reads that wait", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  propose(group, 1, "a");
  group.settle();
  for (let read = 1; read <= 5; read += 1) group.step(2, { type: "readIndex", read });
  group.settle();
  assert.deepEqual(
    group.answers(2),
    [1, 2, 3, 4, 5].map((read) => ({ type: "readReady", read, index: 2 })),
  );
  assert.equal(group.lines.filter((line) => line.startsWith("2>1 readIndexRequest")).length, 2);
});

test("dissertation §6.4 a read without a leader is refused after a while", () => {
  const group = new ManualGroup([1, 2, 3], { settings: { readTimeoutTicks: 5 } });
  group.step(1, { type: "readIndex", read: 1 });
  group.tick(1, 4);
  assert.deepEqual(group.answers(1), []);
  group.tick(1, 1);
  assert.deepEqual(group.answers(1), [
    { type: "readRefused", read: 1, reason: "noLeader", leader: 0 },
  ]);
});
