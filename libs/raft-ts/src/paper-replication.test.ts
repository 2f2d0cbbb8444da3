/**
 * Replication and commitment in the Raft paper (§5.3, §5.4.2, §8) and dissertation. Each test names
 * its section.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "./message.ts";
import { ManualGroup } from "./testing/manual-group.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function propose(group: ManualGroup, id: number, ...texts: string[]): void {
  group.step(id, { type: "propose", proposal: group.lines.length, data: texts.map(bytes) });
}

function termsAt(group: ManualGroup, id: number): number[] {
  return group.durable(id).map((entry) => entry.term);
}

const between =
  (from: number, to: number) =>
  (message: Message): boolean =>
    message.from === from && message.to === to;

test("§5.3 a leader appends, replicates, commits on a majority, then applies", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  propose(group, 1, "a", "b");
  assert.equal(group.core(1).committedIndex, 1);
  group.deliver(between(1, 2));
  group.persist(2);
  group.deliver(between(2, 1));
  assert.equal(group.core(1).committedIndex, 1, "its own disk is one of the two");
  group.persist(1);
  assert.equal(group.core(1).committedIndex, 3);
  assert.deepEqual(
    group.applied(1).map((entry) => entry.index),
    [1, 2, 3],
  );
});

test("§5.3 two followers commit without the leader's disk", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  propose(group, 1, "a");
  group.deliver();
  group.persist(2);
  group.persist(3);
  group.deliver();
  assert.equal(group.core(1).committedIndex, 2);
  assert.equal(group.core(1).stableIndex, 1);
});

test("§5.3 followers learn of the commit and apply in order", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  for (let at = 0; at < 20; at += 1) propose(group, 1, `a${at}`);
  group.settle();
  const applied = [1, 2, 3].map((id) => group.applied(id).map((entry) => entry.index));
  assert.deepEqual(
    applied[0],
    Array.from({ length: 21 }, (_, at) => at + 1),
  );
  assert.deepEqual(applied[1], applied[0]);
  assert.deepEqual(applied[2], applied[0]);
});

test("§5.3 commits entries of earlier leaders together with the first of its own term", () => {
  const group = new ManualGroup([1, 2, 3], {
    logs: new Map([
      [1, { terms: [1, 2] }],
      [2, { terms: [1, 2] }],
    ]),
  });
  group.elect(1, [3]);
  assert.equal(group.core(1).committedIndex, 3);
});

/** Figure 7: seven logs a new leader may meet; it makes all of them its own. */
const FIGURE_7: readonly (readonly number[])[] = [
  [1, 1, 1, 4, 4, 5, 5, 6, 6],
  [1, 1, 1, 4],
  [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
  [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
  [1, 1, 1, 4, 4, 4, 4],
  [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
];

test("§5.3 figure 7: a leader brings every log to agree with its own", () => {
  const leaderTerms = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
  for (const [at, follower] of FIGURE_7.entries()) {
    const group = new ManualGroup([1, 2, 3], {
      logs: new Map([
        [1, { terms: leaderTerms, hardState: { term: 7, vote: 0, commit: 0 } }],
        [2, { terms: follower, hardState: { term: 7, vote: 0, commit: 0 } }],
        [3, { terms: [], hardState: { term: 7, vote: 0, commit: 0 } }],
      ]),
    });
    group.elect(1);
    group.settle();
    const expected = [...leaderTerms, 8];
    assert.deepEqual(termsAt(group, 2), expected, `log ${at}`);
    assert.deepEqual(termsAt(group, 3), expected, `log ${at}, empty`);
    // Conflicts are passed over a term at a time (end of §5.3).
    const refusals = group.lines.filter((line) => /^2>1 appendEntriesReply .*refused/.test(line));
    assert.ok(refusals.length <= 3, refusals.join("\n"));
  }
});

test("§5.3 a message that comes late or twice cuts nothing that agrees", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  propose(group, 1, "a");
  const early = group.inFlight.filter(between(1, 2));
  group.settle();
  propose(group, 1, "b", "c");
  group.settle();
  for (const message of early) group.step(2, { type: "message", message });
  group.settle();
  assert.equal(group.core(2).view().lastIndex, 4);
});

test("§5.4.2 figure 8: an entry of an earlier term does not commit by being counted", () => {
  const group = new ManualGroup([1, 2, 3, 4, 5], {
    settings: { appendBytesMax: 1 },
    logs: new Map([
      [1, { terms: [1, 2], hardState: { term: 3, vote: 0, commit: 0 } }],
      [2, { terms: [1, 2], hardState: { term: 3, vote: 0, commit: 0 } }],
      [3, { terms: [1], hardState: { term: 3, vote: 0, commit: 0 } }],
      [4, { terms: [1], hardState: { term: 3, vote: 0, commit: 0 } }],
      [5, { terms: [1, 3], hardState: { term: 3, vote: 5, commit: 0 } }],
    ]),
  });
  group.timeout(1);
  for (let round = 0; round < 30; round += 1) {
    for (const id of [1, 2, 3, 4]) group.persist(id);
    // What the new leader itself appends reaches nobody.
    group.drop((message) => {
      const own = message.type === "appendEntries" && message.entries[0]?.term === 4;
      return own && group.durable(message.to).length > 1;
    });
    group.drop(({ to }) => to === 5);
    group.deliver();
  }
  assert.equal(group.core(1).view().role, "leader");
  assert.deepEqual(termsAt(group, 3), [1, 2]);
  assert.equal(group.core(1).committedIndex, 0, "on a majority, but of term 2");
  group.restart(1);
  for (const id of [2, 3, 4]) group.step(id, { type: "peerLost", peer: 1 });
  // It first learns the term, then wins with its later entry.
  for (let round = 0; round < 3 && group.core(5).view().role !== "leader"; round += 1) {
    group.timeout(5);
    group.settle([1]);
  }
  assert.deepEqual(termsAt(group, 3), [1, 3, 5]);
});

test("§8 a new leader commits a no-op of its term", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  assert.deepEqual(
    group.applied(2).map(({ index, term, type }) => ({ index, term, type })),
    [{ index: 1, term: 1, type: "noop" }],
  );
});

test("dissertation §10.2.1 the leader sends before its own write is done", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  propose(group, 1, "a");
  assert.equal(group.inFlight.filter(({ type }) => type === "appendEntries").length, 2);
  assert.equal(group.core(1).stableIndex, 1);
});
