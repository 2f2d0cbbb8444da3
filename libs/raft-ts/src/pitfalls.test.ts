/**
 * The pitfalls that other systems fell into, as far as they concern elections, reads and snapshots
 * in the core: one test each. Those of memberships are in pitfalls-membership.test.ts, those of the
 * disk in raft-level; docs/pitfalls.md has the table.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "@atoll/stdx";
import type { ConformanceWays } from "./conformance-ways.ts";
import { OWN_WAYS, waysOf } from "./conformance-ways.ts";
import type { SnapshotMetadata } from "./entry.ts";
import * as publicEntry from "./index.ts";
import type { Message } from "./message.ts";
import { ManualGroup } from "./testing/manual-group.ts";
import { propose } from "./testing/membership-steps.ts";

const FIVE = [1, 2, 3, 4, 5];
/** Raft as it is in the paper, before the dissertation. */
const AS_IN_THE_PAPER: Partial<ConformanceWays> = { preVote: false, checkQuorum: false };

/** Who reaches whom: "12 23" for 1 and 2, 2 and 3. */
function links(text: string): (from: number, to: number) => boolean {
  const pairs = text.split(" ");
  return (from, to) => pairs.includes(`${from}${to}`) || pairs.includes(`${to}${from}`);
}

/** Leader and term as `id` knows them. */
function following(group: ManualGroup, id: number): string {
  const { leader, term } = group.core(id).view();
  return `${leader} in ${term}`;
}

function read(group: ManualGroup, id: number, number: number): void {
  group.step(id, { type: "readIndex", read: number });
}

/** The five-node example of decentralizedthoughts, 2020-12-12: 3 leads, 4 and 5 do not reach it. */
function partialNetwork(ways: Partial<ConformanceWays>): ManualGroup {
  const group = new ManualGroup(FIVE, { ways });
  group.elect(3);
  group.linked = links("12 13 23 24 35");
  group.drop(() => true);
  group.pass(FIVE, 600);
  return group;
}

test("pitfall: a partial network of five nodes never keeps a leader; here it does", () => {
  const group = partialNetwork({});
  assert.deepEqual(
    [1, 2, 3, 5].map((id) => following(group, id)),
    Array(4).fill("3 in 1"),
  );
  assert.deepEqual([group.core(4).view().term, group.core(4).view().role], [1, "preCandidate"]);
  propose(group, 3, "a");
  group.settle();
  assert.equal(group.core(3).committedIndex, 2);
  // The example is one: Raft as in the paper loses its leader to 4 or 5 again and again.
  assert.ok(partialNetwork(AS_IN_THE_PAPER).core(1).view().term > 10);
});

test("pitfall: a leader without a majority is heard by one voter that the others need", () => {
  const group = new ManualGroup(FIVE);
  group.elect(4);
  group.linked = links("12 13 23 24");
  group.drop(() => true);
  group.pass(FIVE, 150);
  const { leader, term } = group.core(2).view();
  assert.ok([1, 2, 3].includes(leader), following(group, 2));
  propose(group, leader, "a");
  group.pass(FIVE, 150);
  assert.deepEqual(
    [1, 2, 3].map((id) => following(group, id)),
    Array(3).fill(`${leader} in ${term}`),
  );
  assert.deepEqual(
    [1, 2, 3].map((id) => group.applied(id).at(-1)?.type),
    Array(3).fill("data"),
  );
});

test("pitfall: pre-vote alone does not protect a live leader; check-quorum does", () => {
  const deposed = (ways: Partial<ConformanceWays>): number => {
    const group = new ManualGroup([1, 2, 3], { ways });
    group.elect(1);
    // 3 has the whole log and lost nothing but its link to the leader.
    group.linked = links("12 23");
    group.pass([1, 2, 3], 200);
    return group.core(2).view().term;
  };
  assert.ok(deposed({ checkQuorum: false }) > 1, "the pitfall is one");
  assert.equal(deposed({}), 1);
});

test("pitfall: an option switches pre-vote or check-quorum off; here none does", () => {
  const weak = { preVote: false, checkQuorum: false };
  assert.deepEqual(waysOf({ ...weak, conformance: weak, ways: weak, settings: weak }), OWN_WAYS);
  assert.deepEqual([OWN_WAYS.preVote, OWN_WAYS.checkQuorum], [true, true]);
  const names = [...Object.keys(publicEntry), ...Object.keys(publicEntry.DEFAULT_RAFT_SETTINGS)];
  const switches = names.filter((name) => /ways|preVote|checkQuorum/i.test(name));
  assert.deepEqual(switches, []);
});

test("pitfall: a lease serves reads by a clock that stands still; here there is none", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  group.pass([1, 2, 3], 30);
  // Everybody has just confirmed the leader, whose clock stops; the others' go on.
  group.linked = links("23");
  group.elect(2, [1]);
  propose(group, 2, "a");
  group.settle();
  assert.equal(group.core(1).view().role, "leader");
  read(group, 1, 1);
  group.settle();
  assert.deepEqual(group.answers(1), []);
  group.linked = (): boolean => true;
  group.pass([1, 2, 3], 3);
  assert.deepEqual(group.answers(1), [{ type: "readReady", read: 1, index: 3 }]);
  const { DEFAULT_RAFT_SETTINGS } = publicEntry;
  const named = Object.keys(DEFAULT_RAFT_SETTINGS).filter((name) => /read|lease|clock/i.test(name));
  assert.deepEqual(named, ["readTimeoutTicks", "readsPendingMax"]);
});

test("pitfall: a read is served before the no-op of a new leader (dissertation §6.4)", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.timeout(1);
  for (let round = 0; round < 4; round += 1) {
    for (const id of [1, 2, 3]) group.persist(id);
    if (group.core(1).view().role === "leader") break;
    group.deliver();
  }
  assert.equal(group.core(1).view().role, "leader");
  read(group, 1, 1);
  group.tick(1, 3);
  group.deliver(({ type }) => type === "heartbeat");
  group.deliver(({ type }) => type === "heartbeatReply");
  assert.deepEqual(group.answers(1), []);
  group.settle();
  assert.deepEqual(group.answers(1), [{ type: "readReady", read: 1, index: 1 }]);
});

test("pitfall: a read context is used again in a follower's next life", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  read(group, 2, 1);
  const between = (from: number, to: number) => (message: Message) =>
    message.from === from && message.to === to;
  group.deliver(between(2, 1));
  group.deliver(({ type }) => type === "heartbeat");
  group.deliver(({ type }) => type === "heartbeatReply");
  const late = group.inFlight.filter(({ type }) => type === "readIndexReply");
  assert.equal(late.length, 1);
  group.restart(2);
  propose(group, 1, "a");
  group.settle();
  group.tick(1, 3);
  group.settle();
  read(group, 2, 2);
  for (const message of late) group.step(2, { type: "message", message });
  assert.deepEqual(group.answers(2), []);
  group.settle();
  assert.deepEqual(group.answers(2), [{ type: "readReady", read: 2, index: 2 }]);
});

test("pitfall: a read is answered by who does not lead, or to another question", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  group.elect(2);
  propose(group, 2, "a");
  group.settle();
  read(group, 3, 1);
  const asked = group.inFlight.find(({ type }) => type === "readIndexRequest");
  assert.equal(asked?.type, "readIndexRequest");
  const right = { type: "readIndexReply", from: 2, to: 3, term: 2, index: 3 } as const;
  const { context } = asked;
  const wrong: readonly Message[] = [
    { ...right, context, term: 1 },
    { ...right, context, from: 1 },
    { ...right, context: context - 1 },
    { ...right, context, index: 0 },
  ];
  for (const message of wrong) group.step(3, { type: "message", message });
  assert.deepEqual(group.answers(3), []);
  group.step(3, { type: "message", message: { ...right, context } });
  assert.deepEqual(group.answers(3), [{ type: "readReady", read: 1, index: 3 }]);
});

test("pitfall: a leader that stood still serves a read by answers from before", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  read(group, 1, 1);
  group.deliver(({ type }) => type === "heartbeat");
  const late = group.inFlight.filter(({ type }) => type === "heartbeatReply");
  assert.equal(late.length, 2);
  group.linked = links("23");
  group.drop(() => true);
  group.elect(2, [1]);
  propose(group, 2, "a");
  group.settle();
  // It goes on: what was sent to it arrives, twice, and it is asked once more.
  for (const message of late) group.step(1, { type: "message", message });
  read(group, 1, 2);
  for (const message of late) group.step(1, { type: "message", message });
  assert.equal(group.core(1).view().role, "leader");
  assert.deepEqual(group.answers(1), [{ type: "readReady", read: 1, index: 1 }]);
  group.linked = (): boolean => true;
  group.pass([1, 2, 3], 6);
  assert.deepEqual(group.answers(1).at(-1), { type: "readReady", read: 2, index: 3 });
});

test("pitfall: a read is served by a replica whose log is not caught up", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1, [3]);
  for (const text of ["a", "b", "c"]) propose(group, 1, text);
  group.settle([3]);
  group.restart(3);
  // It hears the leader and none of its entries.
  group.tick(1, 3);
  group.deliver(({ to, type }) => to === 3 && type === "heartbeat");
  read(group, 3, 1);
  for (let round = 0; round < 6; round += 1) {
    group.persist(3);
    group.deliver(({ type }) => type !== "appendEntries" && type !== "appendEntriesReply");
  }
  assert.deepEqual(group.answers(3), [{ type: "readReady", read: 1, index: 4 }]);
  assert.deepEqual([group.core(3).appliedIndex, group.core(3).committedIndex], [0, 0]);
  group.settle();
  assert.equal(group.core(3).appliedIndex, 4);
});

/** Chunks of 40 bytes of a snapshot, as a leader of term 1 sends them to 3. */
function chunksOf(index: number, content: Uint8Array, checksum = crc32c(content)): Message[] {
  const membership = publicEntry.membershipOf([1, 2, 3]);
  const sizeBytes = content.length;
  const metadata: SnapshotMetadata = { index, term: 1, membership, sizeBytes, checksum };
  return [0, 40].map((offset) => {
    const chunk = content.subarray(offset, offset + 40);
    return {
      ...{ type: "installSnapshot", from: 1, to: 3, term: 1, metadata, offset, chunk },
      chunkChecksum: crc32c(chunk),
      last: offset > 0,
    } as const;
  });
}

/** What 3 answers to these, and what it installs. */
function receiveChunks(group: ManualGroup, messages: readonly Message[]): readonly string[] {
  const from = group.lines.length;
  for (const message of messages) {
    group.step(3, { type: "message", message });
    group.persist(3);
  }
  return group.lines.slice(from).filter((line) => /^3 installs|^3>1 installSnapshot/.test(line));
}

test("pitfall: a received snapshot is of other bytes than its description", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  const content = new Uint8Array(80).fill(5);
  const other = new Uint8Array(80).fill(6);
  assert.deepEqual(receiveChunks(group, chunksOf(9, other, crc32c(content))), [
    "3>1 installSnapshotReply term=1 9 next=40",
    "3>1 installSnapshotReply term=1 9 next=0",
  ]);
  assert.deepEqual([group.core(3).view().snapshotIndex, group.core(3).view().lastIndex], [0, 1]);
  receiveChunks(group, chunksOf(9, content));
  assert.equal(group.core(3).view().snapshotIndex, 9);
  assert.deepEqual(group.content(3), content);
});

test("pitfall: chunks of two snapshots are put together, or one of an earlier term counts", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  const [older, newer] = [new Uint8Array(80).fill(1), new Uint8Array(80).fill(2)];
  const [first, , begin, end] = [...chunksOf(5, older), ...chunksOf(8, newer)] as Message[];
  assert.deepEqual(receiveChunks(group, [first, begin, end] as Message[]), [
    "3>1 installSnapshotReply term=1 5 next=40",
    "3>1 installSnapshotReply term=1 8 next=40",
    "3 installs #3 8/1",
    "3>1 installSnapshotReply term=1 8 next=80",
    "3>1 installSnapshotReply term=1 8 installed",
  ]);
  assert.deepEqual(group.content(3), newer);
  const heartbeat = { type: "heartbeat", from: 2, to: 3, term: 2 } as const;
  const message = { ...heartbeat, commitIndex: 0, commitTerm: 0, readRound: 0 };
  group.step(3, { type: "message", message });
  group.persist(3);
  assert.deepEqual(receiveChunks(group, chunksOf(20, older)), []);
  assert.equal(group.core(3).view().snapshotIndex, 8);
});
