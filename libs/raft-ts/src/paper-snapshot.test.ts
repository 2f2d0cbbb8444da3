/**
 * Snapshots in the Raft paper (§7). Each test names its section.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualGroup } from "./testing/manual-group.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function propose(group: ManualGroup, id: number, ...texts: string[]): void {
  group.step(id, { type: "propose", proposal: group.lines.length, data: texts.map(bytes) });
}

test("§7 a follower that needs what is compacted gets a snapshot in chunks, then the log", () => {
  const group = new ManualGroup([1, 2, 3], {
    settings: { snapshotChunkBytes: 40, tailBytesMax: 1 },
  });
  group.elect(1, [3]);
  for (let at = 0; at < 10; at += 1) propose(group, 1, `a${at}`);
  group.settle([3]);
  group.drop(({ to }) => to === 3);
  group.snapshot(1, 100);
  propose(group, 1, "b");
  for (let tick = 0; tick < 6; tick += 1) {
    group.tick(1);
    group.settle();
  }
  const chunks = group.lines.filter((line) => line.startsWith("1>3 installSnapshot"));
  assert.deepEqual(
    chunks.map((line) => line.split(" at ")[1]),
    ["0 of 100, 40 B", "40 of 100, 40 B", "80 of 100, 20 B last"],
  );
  const view = group.core(3).view();
  assert.deepEqual([view.snapshotIndex, view.lastIndex, view.committedIndex], [11, 12, 12]);
});

test("§7 a transfer goes on where it stopped, and a damaged chunk is asked for again", () => {
  const group = new ManualGroup([1, 2, 3], {
    settings: { snapshotChunkBytes: 40, tailBytesMax: 1 },
  });
  group.elect(1, [3]);
  for (let at = 0; at < 10; at += 1) propose(group, 1, `a${at}`);
  group.settle([3]);
  group.drop(({ to }) => to === 3);
  group.snapshot(1, 100);
  let damaged = 0;
  for (let tick = 0; tick < 60; tick += 1) {
    for (const id of [1, 2, 3]) group.tick(id);
    group.inFlight = group.inFlight.map((message) => {
      if (message.type !== "installSnapshot" || damaged > 1) return message;
      damaged += 1;
      return { ...message, chunk: message.chunk.map((byte) => byte ^ 1) };
    });
    if (tick === 20) group.drop(({ type }) => type === "installSnapshot");
    group.deliver();
    for (const id of [1, 2, 3]) group.persist(id);
  }
  assert.equal(damaged, 2);
  assert.equal(group.core(3).view().snapshotIndex, 11);
});

test("§7 a snapshot that arrives late takes nothing away", () => {
  const group = new ManualGroup([1, 2, 3], { settings: { tailBytesMax: 1 } });
  group.elect(1, [3]);
  for (let at = 0; at < 5; at += 1) propose(group, 1, `a${at}`);
  group.settle([3]);
  group.drop(({ to }) => to === 3);
  group.snapshot(1, 10);
  for (let tick = 0; tick < 3; tick += 1) group.tick(1);
  for (let round = 0; round < 2; round += 1) {
    group.deliver(({ type }) => type !== "installSnapshot");
    group.persist(3);
  }
  group.deliver(({ type }) => type !== "installSnapshot");
  const late = group.inFlight.filter(({ type }) => type === "installSnapshot");
  assert.equal(late.length, 1);
  group.settle();
  propose(group, 1, "b", "c");
  group.settle();
  const before = group.core(3).view().lastIndex;
  for (const message of late) group.step(3, { type: "message", message });
  group.settle();
  assert.equal(group.core(3).view().lastIndex, before);
  assert.equal(before, 8);
});
