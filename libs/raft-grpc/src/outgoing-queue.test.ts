/** The queue to one peer: what is urgent first, bounded, old small messages go first. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "raft-ts";
import { OutgoingQueue } from "./outgoing-queue.ts";

function heartbeat(readRound: number): Message {
  return { type: "heartbeat", from: 1, to: 2, term: 1, commitIndex: 0, commitTerm: 0, readRound };
}

function append(index: number, bytes: number): Message {
  const previous = { index: index - 1, term: 1 };
  const entries = [{ index, term: 1, type: "data" as const, data: new Uint8Array(bytes) }];
  return { type: "appendEntries", from: 1, to: 2, term: 1, previous, entries, commitIndex: 0 };
}

test("takeFrame() gives urgent messages before entries and keeps each in order", () => {
  const queue = new OutgoingQueue(1_000_000);
  const [one, two] = [append(1, 10), append(2, 10)];
  for (const message of [one, heartbeat(1), two, heartbeat(2)]) queue.push(message);
  assert.deepEqual(queue.takeFrame(), [heartbeat(1), heartbeat(2), one, two]);
  assert.ok(queue.isEmpty);
});

test("takeFrame() ends a frame before it grows too large, but sends any single message", () => {
  const queue = new OutgoingQueue(10_000_000);
  for (const index of [1, 2, 3]) queue.push(append(index, 300_000));
  queue.push(append(4, 2_000_000));
  const sizes: number[] = [];
  while (!queue.isEmpty) sizes.push(queue.takeFrame().length);
  assert.deepEqual(sizes, [1, 1, 1, 1]);
});

test("push() drops entries beyond the bound and takes them again after room is made", () => {
  const queue = new OutgoingQueue(100_000);
  for (let index = 1; index <= 20; index += 1) queue.push(append(index, 10_000));
  assert.equal(queue.dropped, 11);
  assert.equal(queue.takeFrame().length, 9);
  queue.push(append(10, 99_000));
  assert.equal(queue.dropped, 11);
});

test("push() drops the oldest of too many urgent messages, and what is too large at all", () => {
  const queue = new OutgoingQueue(100_000_000);
  for (let round = 1; round <= 1030; round += 1) queue.push(heartbeat(round));
  queue.push(append(1, 4_000_000));
  assert.equal(queue.dropped, 7);
  assert.deepEqual(queue.takeFrame()[0], heartbeat(7));
});

function notice(index: number, commitIndex: number, term = 1): Message {
  const previous = { index, term: 1 };
  return { type: "appendEntries", from: 1, to: 2, term, previous, entries: [], commitIndex };
}

test("push() lets a later message of the same term say what a notice would", () => {
  const queue = new OutgoingQueue(1_000_000);
  queue.push(notice(5, 3));
  assert.deepEqual([queue.hasWork, queue.isEmpty], [false, false]);
  queue.push(notice(5, 4));
  assert.deepEqual(queue.takeFrame(), [notice(5, 4)]);
  queue.push(notice(5, 0));
  queue.push(append(6, 10));
  assert.deepEqual(queue.takeFrame(), [append(6, 10)]);
});

test("push() keeps a notice that nothing later covers", () => {
  const queue = new OutgoingQueue(1_000_000);
  queue.push(notice(5, 4));
  queue.push(append(6, 10));
  queue.push(notice(3, 5));
  queue.push(notice(3, 5, 2));
  assert.deepEqual(queue.takeFrame(), [notice(5, 4), notice(3, 5), notice(3, 5, 2), append(6, 10)]);
});
