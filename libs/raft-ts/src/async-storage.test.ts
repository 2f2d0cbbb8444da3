/**
 * Writes that are under way while terms change: what an older write makes durable must never be
 * taken for what has replaced it, even where index and term are the same again.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AppendEntries } from "./message.ts";
import { ManualGroup } from "./testing/manual-group.ts";

const SETTINGS = { writesInFlightMax: 8 };

interface Sent {
  readonly from: number;
  readonly term: number;
  readonly previous: { readonly index: number; readonly term: number };
  /** The terms of the entries. */
  readonly terms: readonly number[];
}

function append(group: ManualGroup, to: number, sent: Sent): void {
  const { from, term, previous, terms } = sent;
  const entries = terms.map((entryTerm, at) => ({
    index: previous.index + 1 + at,
    term: entryTerm,
    type: "data" as const,
    data: new Uint8Array([entryTerm]),
  }));
  const message: AppendEntries = {
    type: "appendEntries",
    from,
    to,
    term,
    previous,
    entries,
    commitIndex: 0,
  };
  group.step(to, { type: "message", message });
}

/** What was acknowledged since line `from`, but for nothing at all: term and last index. */
function acknowledged(group: ManualGroup, from: number): string[] {
  const lines = group.lines.slice(from).filter((line) => /durable=[1-9]/u.test(line));
  return lines.map((line) => line.replace(/^.*term=(\d+) durable=(\d+)$/u, "$1:$2"));
}

test("a write of entries that came, went and came again counts only for itself (ABA)", () => {
  const group = new ManualGroup([1, 2, 3], { settings: SETTINGS });
  const start = { index: 0, term: 0 };
  // Term 1 brings entries 1 to 3, whose write does not end for long.
  append(group, 1, { from: 2, term: 1, previous: start, terms: [1, 1, 1] });
  // A leader of term 2 knows nothing of them and replaces the first by its own.
  append(group, 1, { from: 3, term: 2, previous: start, terms: [2] });
  // The one of term 1 leads again in term 3, and brings the very same entries once more.
  append(group, 1, { from: 2, term: 3, previous: start, terms: [1, 1, 1] });
  const lines = group.lines.length;
  const view = (): number => group.core(1).stableIndex;
  // The first write ends: its entries 1 to 3 are the next write's to overwrite.
  group.persist(1, 1);
  assert.equal(view(), 0);
  assert.deepEqual(acknowledged(group, lines), []);
  group.persist(1, 1);
  assert.equal(view(), 0);
  assert.deepEqual(acknowledged(group, lines), []);
  group.persist(1);
  assert.equal(view(), 3);
  assert.deepEqual(acknowledged(group, lines), ["3:3"]);
  assert.deepEqual(
    group.durable(1).map(({ term }) => term),
    [1, 1, 1],
  );
});

test("a write that a later one cuts in the middle counts up to the cut", () => {
  const group = new ManualGroup([1, 2, 3], { settings: SETTINGS });
  const start = { index: 0, term: 0 };
  append(group, 1, { from: 2, term: 1, previous: start, terms: [1, 1, 1] });
  append(group, 1, { from: 3, term: 2, previous: { index: 1, term: 1 }, terms: [2, 2] });
  group.persist(1, 1);
  assert.equal(group.core(1).stableIndex, 1);
  group.persist(1);
  assert.equal(group.core(1).stableIndex, 3);
});

test("writes pipeline: a second starts while one is under way, and ends count in order", () => {
  const group = new ManualGroup([1, 2, 3], { settings: SETTINGS });
  const start = { index: 0, term: 0 };
  append(group, 1, { from: 2, term: 1, previous: start, terms: [1] });
  append(group, 1, { from: 2, term: 1, previous: { index: 1, term: 1 }, terms: [1, 1] });
  const lines = group.lines.length;
  assert.equal(group.persist(1, 1), 1);
  assert.equal(group.core(1).stableIndex, 1);
  assert.equal(group.persist(1), 1);
  assert.equal(group.core(1).stableIndex, 3);
  assert.deepEqual(acknowledged(group, lines), ["1:1", "1:3"]);
});

test("a leader sends what its windows of messages and bytes allow, and goes on with them", () => {
  const settings = { inFlightMessagesMax: 3, appendBytesMax: 100, writeBytesMax: 100 };
  const group = new ManualGroup([1, 2, 3], { settings });
  group.elect(1);
  const data = Array.from({ length: 20 }, () => new Uint8Array(60));
  group.step(1, { type: "propose", proposal: 1, data });
  group.tick(1);
  const toTwo = (): number =>
    group.inFlight.filter((each) => each.to === 2 && each.type === "appendEntries").length;
  assert.equal(toTwo(), 3);
  group.deliver(({ to }) => to === 2);
  group.persist(2);
  assert.equal(toTwo(), 0);
  group.deliver(({ to }) => to === 1);
  assert.ok(toTwo() > 0 && toTwo() <= 3, `${toTwo()}`);
  group.settle();
  const bytes = new ManualGroup([1, 2, 3], {
    settings: { inFlightBytesMax: 250, appendBytesMax: 100, writeBytesMax: 100 },
  });
  bytes.elect(1);
  bytes.step(1, { type: "propose", proposal: 1, data });
  bytes.tick(1);
  const sent = bytes.inFlight.filter((each) => each.to === 2 && each.type === "appendEntries");
  // Each is 92 bytes; the third begins below the bound.
  assert.equal(sent.length, 3);
});
