/**
 * Changes of membership: the Raft paper (§6) and dissertation (chapter 4), with one difference: a
 * configuration is used from the moment its entry is applied, not appended. What that needs to be
 * safe is tested here as well.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualGroup } from "./testing/manual-group.ts";
import { beat, change, members, propose, refusal } from "./testing/membership-steps.ts";

test("§6 a change is in force where it is applied, not where it is appended", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  change(group, 1, "r3");
  assert.equal(group.core(1).view().lastIndex, 2);
  assert.equal(members(group, 1), "1,2,3 |  | ");
  group.settle([3]);
  beat(group, 1, [3]);
  assert.deepEqual([members(group, 1), members(group, 2)], ["1,2 |  | ", "1,2 |  | "]);
});

test("a membership is applied only after a durable hard state says it is committed", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  change(group, 1, "l4");
  group.persist(1);
  group.deliver();
  group.persist(2);
  group.deliver(({ to }) => to === 1);
  const view = group.core(1).view();
  assert.deepEqual([view.committedIndex, view.appliedIndex], [2, 1]);
  assert.equal(members(group, 1), "1,2,3 |  | ");
  assert.equal(group.persist(1), 1);
  assert.equal(members(group, 1), "1,2,3 |  | 4");
  group.restart(1);
  // It knows at once, by its own disk alone, what it acted on.
  assert.equal(group.core(1).view().committedIndex, 2);
  assert.equal(members(group, 1), "1,2,3 |  | 4");
});

test("dissertation §4.1 a change is refused until the one before is applied", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  for (const id of [4, 5]) group.join(id);
  change(group, 1, "l4");
  change(group, 1, "l5");
  assert.equal(refusal(group, 1), "membershipChanging");
  group.settle();
  change(group, 1, "l5");
  assert.equal(refusal(group, 1), "proposalAccepted");
  change(group, 2, "l6");
  assert.equal(refusal(group, 2), "notLeader");
  group.settle();
  change(group, 1, "r1 r2 r3");
  assert.equal(refusal(group, 1), "invalid");
});

test("a new leader proposes no change while one of an earlier term may be in its log", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  group.join(4);
  change(group, 1, "l4");
  group.persist(1);
  group.deliver(({ to }) => to === 2);
  group.persist(2);
  group.drop(() => true);
  group.timeout(2);
  // 3 elects it and has nothing of its term yet.
  const isVote = (type: string): boolean => type.startsWith("requestVote");
  group.tick(3, 14);
  for (let round = 0; round < 6; round += 1) {
    group.persist(2);
    group.persist(3);
    group.deliver(({ to, type }) => to !== 1 && isVote(type));
  }
  const view = group.core(2).view();
  assert.deepEqual([view.role, view.appliedIndex, view.pendingMembershipIndex], ["leader", 1, 2]);
  change(group, 2, "r1");
  assert.equal(refusal(group, 2), "membershipChanging");
  group.settle([1]);
  assert.equal(members(group, 2), "1,2,3 |  | 4");
  change(group, 2, "r1");
  assert.equal(refusal(group, 2), "proposalAccepted");
});

test("dissertation §4.2.1 a learner gets everything and counts for nothing", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  group.join(4);
  change(group, 1, "l4");
  group.settle();
  beat(group, 1);
  propose(group, 1, "a");
  group.settle();
  assert.equal(group.core(4).view().lastIndex, group.core(1).view().lastIndex);
  const peer = group
    .core(1)
    .view()
    .peers.find(({ id }) => id === 4);
  assert.deepEqual([peer?.learner, peer?.matchIndex], [true, 3]);
  const { committedIndex } = group.core(1).view();
  propose(group, 1, "b");
  group.settle([2, 3]);
  assert.equal(group.core(4).view().lastIndex, 4);
  assert.equal(group.core(1).view().committedIndex, committedIndex);
  // Without the voters it is no quorum either.
  group.tick(1, 40);
  group.settle([2, 3]);
  assert.equal(group.core(1).view().role, "follower");
});

test("§6 a replica without a vote never campaigns, and votes when it is asked", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  group.join(4);
  group.tick(4, 200);
  group.step(4, { type: "campaign" });
  assert.equal(group.core(4).view().role, "follower");
  const lastLog = { index: 1, term: 1 };
  const asks = {
    from: 2,
    to: 4,
    term: 7,
    preVote: false,
    lastLog,
    applied: lastLog,
    leaderTransfer: false,
  } as const;
  group.step(4, { type: "message", message: { type: "requestVote", ...asks } });
  group.persist(4);
  assert.equal(group.core(4).view().vote, 2);
  assert.ok(group.lines.at(-1)?.endsWith("granted"), group.lines.at(-1));
});

test("§6 a joint configuration needs both majorities, and is left by itself", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  for (const id of [4, 5]) group.join(id);
  change(group, 1, "r2 r3 v4 v5");
  group.settle([4, 5]);
  assert.equal(members(group, 1), "1,4,5 | 1,2,3 | ");
  const { committedIndex } = group.core(1).view();
  // The old majority alone does not commit.
  assert.deepEqual([committedIndex, group.core(2).view().lastIndex], [2, 3]);
  for (let round = 0; round < 4; round += 1) beat(group, 1);
  assert.equal(members(group, 1), "1,4,5 |  | ");
  assert.equal(members(group, 5), "1,4,5 |  | ");
});

test("§6 in a joint configuration the new majority alone does not commit either", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  for (const id of [4, 5]) group.join(id);
  change(group, 1, "r2 r3 v4 v5", "explicit");
  group.settle();
  for (let round = 0; round < 4; round += 1) beat(group, 1);
  const { committedIndex } = group.core(1).view();
  propose(group, 1, "a");
  group.settle([2, 3]);
  assert.equal(group.core(4).view().lastIndex, 3);
  assert.equal(group.core(1).view().committedIndex, committedIndex);
  group.settle([3]);
  assert.equal(group.core(1).view().committedIndex, 3);
});

test("§6 an explicit joint configuration stays until it is left, whoever leads", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  change(group, 1, "r3", "explicit");
  group.settle();
  beat(group, 1);
  assert.equal(members(group, 2), "1,2 | 1,2,3 | ");
  change(group, 1, "l9");
  assert.equal(refusal(group, 1), "invalid");
  group.step(1, { type: "transferLeadership", to: 2 });
  group.settle();
  assert.equal(members(group, 2), "1,2 | 1,2,3 | ");
  change(group, 2, "");
  group.settle();
  assert.equal(members(group, 2), "1,2 |  | ");
});

test("§6 the next leader leaves a joint configuration that leaves itself", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  change(group, 1, "r3", "implicit");
  group.persist(1);
  group.deliver(({ to }) => to === 2);
  group.persist(2);
  group.drop(() => true);
  group.elect(2, [1]);
  group.settle([1]);
  beat(group, 2, [1]);
  assert.equal(members(group, 2), "1,2 | 1,2,3 | ");
  beat(group, 2);
  beat(group, 2);
  assert.equal(members(group, 2), "1,2 |  | ");
});

test("§5.2 a group of one waits for its own disk, and does not campaign anew meanwhile", () => {
  const group = new ManualGroup([1]);
  group.tick(1, 10);
  assert.deepEqual([group.core(1).view().role, group.core(1).view().term], ["candidate", 1]);
  group.persist(1);
  assert.equal(group.core(1).view().role, "leader");
});

test("§6 a joiner of an old group is brought up by snapshot, and knows its members by it", () => {
  const group = new ManualGroup([1, 2, 3], { settings: { tailBytesMax: 1 } });
  group.elect(1);
  for (let at = 0; at < 5; at += 1) propose(group, 1, `a${at}`);
  group.settle();
  group.join(4);
  change(group, 1, "l4");
  group.settle([4]);
  group.drop(({ to }) => to === 4);
  group.snapshot(1, 10);
  for (let round = 0; round < 6; round += 1) beat(group, 1);
  assert.equal(members(group, 4), "1,2,3 |  | 4");
  change(group, 1, "v4");
  group.settle();
  beat(group, 1);
  assert.equal(members(group, 4), "1,2,3,4 |  | ");
  group.elect(4);
});

test("no campaign while a committed membership waits to be applied", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  change(group, 1, "r3");
  group.persist(1);
  group.deliver();
  group.persist(2);
  group.deliver();
  group.deliver(({ to }) => to === 2);
  const before = group.core(2).view();
  assert.deepEqual([before.committedIndex, before.appliedIndex], [2, 1]);
  group.tick(2, 100);
  group.step(2, { type: "campaign" });
  assert.deepEqual([group.core(2).view().role, group.core(2).view().term], ["follower", 1]);
  group.persist(2);
  group.tick(2, 100);
  assert.equal(group.core(2).view().role, "preCandidate");
});

test("forgetLeader makes a follower vote as if its leader were gone, in the same term", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  group.step(3, { type: "campaign" });
  group.settle();
  assert.equal(group.core(1).view().role, "leader");
  group.step(2, { type: "forgetLeader" });
  assert.deepEqual([group.core(2).view().leader, group.core(2).view().term], [0, 1]);
  group.step(3, { type: "campaign" });
  group.settle();
  assert.deepEqual([group.core(3).view().role, group.core(3).view().term], ["leader", 2]);
  group.step(3, { type: "forgetLeader" });
  assert.equal(group.core(3).view().leader, 3);
});

test("without pre-vote a campaign begins a term; without check-quorum a leader stays", () => {
  const group = new ManualGroup([1, 2, 3], { ways: { preVote: false, checkQuorum: false } });
  group.step(1, { type: "campaign" });
  assert.deepEqual([group.core(1).view().role, group.core(1).view().term], ["candidate", 1]);
  group.settle();
  group.tick(1, 100);
  assert.equal(group.core(1).view().role, "leader");
  // Nor does anybody withhold a vote because of it.
  group.settle();
  group.step(2, { type: "campaign" });
  group.settle();
  assert.deepEqual([group.core(2).view().role, group.core(2).view().term], ["leader", 2]);
});
