import assert from "node:assert/strict";
import { test } from "node:test";
import { Bug } from "@atoll/stdx";
import type { Entry } from "./entry.ts";
import { entryBytes, RaftLog } from "./log.ts";
import { membershipOf } from "./membership.ts";

const SNAPSHOT = { index: 0, term: 0, membership: membershipOf([1]), sizeBytes: 0, checksum: 0 };

function entry(index: number, term: number, sizeBytes = 10): Entry {
  return { index, term, type: "data", data: new Uint8Array(sizeBytes) };
}

function logOf(...terms: number[]): RaftLog {
  const log = new RaftLog({
    snapshot: SNAPSHOT,
    firstIndex: 1,
    tailPrevious: { index: 0, term: 0 },
    tail: [],
    commit: 0,
  });
  for (const [at, term] of terms.entries()) log.append(entry(at + 1, term));
  return log;
}

const indexesOf = (entries: readonly Entry[]): number[] => entries.map(({ index }) => index);

test("RaftLog.append() takes the next index and no earlier term", () => {
  const log = logOf(1, 2);
  assert.throws(() => log.append(entry(4, 2)), Bug);
  assert.throws(() => log.append(entry(2, 2)), Bug);
  assert.throws(() => log.append(entry(3, 1)), Bug);
  assert.deepEqual([log.lastIndex, log.lastTerm], [2, 2]);
});

test("RaftLog.termAt() knows the tail and the position before it", () => {
  const log = logOf(1, 1, 3);
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((index) => log.termAt(index)),
    [0, 1, 1, 3, undefined],
  );
});

test("RaftLog.slice() is bounded in bytes but gives one entry at least", () => {
  const log = logOf(1, 1, 1, 1);
  const size = entryBytes(entry(1, 1));
  assert.deepEqual(indexesOf(log.slice(2, 4, size * 2)), [2, 3]);
  assert.deepEqual(indexesOf(log.slice(2, 4, 1)), [2]);
  assert.deepEqual(indexesOf(log.slice(1, 4, 1 << 20)), [1, 2, 3, 4]);
  assert.equal(log.slice(1, 4, 1 << 20), log.slice(1, 4, 1 << 20), "the same slice is shared");
});

test("RaftLog.slice() is not the kept one after a cut", () => {
  const log = logOf(1, 1, 1);
  log.slice(1, 3, 1 << 20);
  log.truncateFrom(2, 1);
  log.append(entry(2, 5));
  log.append(entry(3, 5));
  assert.deepEqual(
    log.slice(1, 3, 1 << 20).map(({ term }) => term),
    [1, 5, 5],
  );
});

test("RaftLog.truncateFrom() never cuts what is committed", () => {
  const log = logOf(1, 1, 1);
  log.commitTo(2);
  assert.throws(() => log.truncateFrom(2, 1), Bug);
  log.stableIndex = 3;
  log.handedIndex = 3;
  log.truncateFrom(3, 1);
  assert.deepEqual([log.lastIndex, log.stableIndex, log.handedIndex], [2, 2, 2]);
});

test("RaftLog.truncateFrom() below the tail keeps the position it is told", () => {
  const log = new RaftLog({
    snapshot: SNAPSHOT,
    firstIndex: 1,
    tailPrevious: { index: 10, term: 2 },
    tail: [entry(11, 3)],
    commit: 0,
  });
  log.truncateFrom(5, 1);
  assert.deepEqual([log.lastIndex, log.lastTerm, log.stableIndex], [4, 1, 4]);
  log.append(entry(5, 4));
  assert.equal(log.termAt(5), 4);
  assert.equal(log.bytesBetween(4, 5), entryBytes(entry(5, 4)));
});

test("RaftLog.evict() drops only what is applied and durable", () => {
  const log = logOf(1, 1, 1, 1);
  log.evict(0);
  assert.equal(log.tailFirstIndex, 1);
  log.commitTo(4);
  log.applied = { index: 3, term: 1 };
  log.stableIndex = 2;
  log.evict(0);
  assert.equal(log.tailFirstIndex, 3);
  assert.equal(log.termAt(2), 1);
  assert.equal(log.termAt(1), undefined);
  log.stableIndex = 4;
  log.applied = { index: 4, term: 1 };
  log.evict(entryBytes(entry(4, 1)));
  assert.equal(log.tailFirstIndex, 4);
});

test("RaftLog.evict() stays right over many rounds", () => {
  const log = logOf();
  for (let index = 1; index <= 30_000; index += 1) {
    log.append(entry(index, 1));
    log.commitTo(index);
    log.applied = { index, term: 1 };
    log.stableIndex = index;
    log.handedIndex = index;
    log.evict(1_000);
    assert.deepEqual(indexesOf(log.slice(index, index, 1)), [index]);
  }
  assert.ok(log.lastIndex - log.tailFirstIndex < 30);
});

test("RaftLog.firstUnknown() finds what would have to be read back", () => {
  const log = new RaftLog({
    snapshot: SNAPSHOT,
    firstIndex: 1,
    tailPrevious: { index: 10, term: 2 },
    tail: [entry(11, 3)],
    commit: 0,
  });
  assert.equal(log.firstUnknown(3, 20), 3);
  assert.equal(log.firstUnknown(10, 20), 0);
  log.learnTerms([entry(3, 1), entry(4, 1)]);
  assert.equal(log.firstUnknown(3, 20), 5);
  log.commitTo(9);
  assert.equal(log.firstUnknown(3, 20), 0);
  log.forgetTerms();
  assert.equal(log.termAt(3), undefined);
});

test("RaftLog.resetTo() begins again behind the snapshot", () => {
  const log = logOf(1, 1);
  log.stableIndex = 2;
  log.resetTo({ ...SNAPSHOT, index: 9, term: 4 });
  assert.deepEqual(
    [log.lastIndex, log.lastTerm, log.committedIndex, log.stableIndex, log.firstIndex],
    [9, 4, 9, 0, 10],
  );
  log.append(entry(10, 4));
  assert.deepEqual(indexesOf(log.slice(10, 10, 1)), [10]);
});
