/**
 * Who leaves a group or loses its vote (Raft §6): what the others may still need of it, and what it
 * needs of them.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualGroup } from "./testing/manual-group.ts";
import { beat, change, members, propose, refusal } from "./testing/membership-steps.ts";

test("§6 who no longer votes tells a candidate that it alone decides", () => {
  const group = new ManualGroup([1, 2]);
  group.elect(1);
  change(group, 1, "l2");
  group.persist(1);
  group.deliver();
  group.persist(2);
  group.deliver();
  // The leader's disk hears neither of the commit nor of what follows.
  propose(group, 1, "a");
  group.tick(1, 3);
  for (let round = 0; round < 3; round += 1) {
    group.deliver();
    group.persist(2);
  }
  assert.equal(members(group, 2), "1 |  | 2");
  assert.deepEqual([group.core(2).view().lastIndex, group.core(2).view().appliedIndex], [3, 2]);
  group.restart(1);
  assert.deepEqual([members(group, 1), group.core(1).view().lastIndex], ["1,2 |  | ", 2]);
  group.tick(2, 200);
  assert.equal(group.core(2).view().role, "follower", "a learner does not campaign");
  group.timeout(1);
  group.settle();
  assert.equal(members(group, 1), "1 |  | 2");
  group.timeout(1);
  group.settle();
  assert.equal(group.core(1).view().role, "leader");
});

test("§6 a candidate tells voters what they need to know to campaign themselves", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  // 2 has all of it, but only 3 hears that 1 is gone; then 1 is.
  change(group, 1, "r1");
  group.persist(1);
  group.deliver();
  for (const id of [2, 3]) group.persist(id);
  group.deliver();
  group.persist(1);
  group.tick(1, 3);
  group.deliver(({ to }) => to === 3);
  group.persist(3);
  assert.equal(members(group, 3), "2,3 |  | ");
  assert.equal(members(group, 2), "1,2,3 |  | ");
  group.drop(() => true);
  group.tick(2, 40);
  group.drop(() => true);
  group.timeout(3);
  group.deliver(({ from, to }) => from === 3 && to === 2);
  group.persist(2);
  assert.equal(members(group, 2), "2,3 |  | ");
});

test("§6 a read that waits for one that leaves is answered when that one counts no more", () => {
  const group = new ManualGroup([1, 2]);
  group.elect(1);
  change(group, 1, "r2");
  group.persist(1);
  group.deliver();
  group.persist(2);
  group.deliver();
  group.step(1, { type: "readIndex", read: 1 });
  group.drop(() => true);
  assert.equal(members(group, 1), "1,2 |  | ");
  group.persist(1);
  assert.equal(members(group, 1), "1 |  | ");
  assert.deepEqual(group.answers(1).at(-1), { type: "readReady", read: 1, index: 2 });
});

test("§6 nothing is sent to who was removed, and nothing handed over to it", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  change(group, 1, "r3");
  group.settle([3]);
  beat(group, 1, [3]);
  assert.deepEqual(
    group
      .core(1)
      .view()
      .peers.map(({ id }) => id),
    [2],
  );
  change(group, 1, "r2");
  group.step(1, { type: "transferLeadership", to: 2 });
  group.drop(({ type }) => type === "timeoutNow");
  group.settle();
  const { membership, transferTo } = group.core(1).view();
  assert.deepEqual([membership.voters, transferTo], [[1], 0]);
});

test("§6 a removed leader that stays for conformance takes no proposals", () => {
  const group = new ManualGroup([1, 2, 3], { ways: { stepDownOnRemoval: "never" } });
  group.elect(1);
  change(group, 1, "r1");
  group.settle();
  propose(group, 1, "refused");
  assert.equal(refusal(group, 1), "notLeader");
  assert.equal(group.core(1).view().role, "leader");
});
