/**
 * The pitfalls that other systems fell into with changes of membership: one test each.
 * docs/pitfalls.md has the table.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualGroup } from "./testing/manual-group.ts";
import { beat, change, members, propose, refusal } from "./testing/membership-steps.ts";

/** Lets 2 lead with the votes of `voters`, to whom nothing else comes yet. */
function electSecond(group: ManualGroup, voters: readonly number[]): void {
  for (const id of voters) group.tick(id, 14);
  group.timeout(2);
  for (let round = 0; round < 6; round += 1) {
    for (const id of [2, ...voters]) group.persist(id);
    group.deliver(({ to, type }) => to !== 1 && type.startsWith("requestVote"));
  }
  assert.equal(group.core(2).view().role, "leader");
}

/** After the first change {1, 4, 5} would decide, after the second {2, 3, 6}. */
const ONGARO_2015 = [
  { name: "one add and one remove", first: "v5", second: "r1" },
  { name: "two adds", first: "v5", second: "v6" },
  { name: "two removes", first: "r2", second: "r1" },
];

for (const { name, first, second } of ONGARO_2015) {
  test(`pitfall: single-server changes by two leaders, ${name} (Ongaro 2015)`, () => {
    const group = new ManualGroup([1, 2, 3, 4]);
    group.elect(1);
    for (const id of [5, 6]) group.join(id);
    const [ours, theirs] = [
      [2, 3, 6],
      [1, 4, 5],
    ];
    change(group, 1, first);
    group.persist(1);
    group.drop(() => true);
    electSecond(group, [3, 4]);
    // Its term has nothing committed when it is asked for the other change.
    change(group, 2, second);
    group.inFlight = group.inFlight.filter(({ to }) => to === 3 || to === 6);
    group.settle(theirs);
    beat(group, 2, theirs);
    assert.deepEqual([group.core(2).committedIndex, members(group, 2)], [1, "1,2,3,4 |  | "]);
    group.drop(() => true);
    for (let round = 0; round < 6; round += 1) {
      group.tick(1, 35);
      for (const id of [4, 5]) group.tick(id, 14);
      group.settle(ours);
      group.drop(() => true);
      assert.notEqual(group.core(1).view().role, "leader");
    }
    group.pass([1, 2, 3, 4, 5, 6], 200);
    const leader = group.core(3).view().leader;
    propose(group, leader, "after all of it");
    group.pass([1, 2, 3, 4, 5, 6], 6);
    const inForce = members(group, leader).split(" ")[0]?.split(",").map(Number) ?? [];
    const logs = inForce.map((id) => group.applied(id).map(({ index, term }) => [index, term]));
    assert.ok(group.core(leader).appliedIndex >= 4);
    for (const log of logs) assert.deepEqual(log, logs[0]);
  });
}

test("pitfall: a second joint change while one is under way leaves the group joint", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  for (const id of [4, 5]) group.join(id);
  const asked: string[] = [];
  const ask = (leader: number): void => {
    change(group, leader, "r4 r5 v2 v3", "implicit");
    asked.push(`${members(group, leader)} ${refusal(group, leader)}`);
  };
  change(group, 1, "r2 r3 v4 v5", "implicit");
  ask(1);
  group.settle([4, 5]);
  ask(1);
  // The next leader finds the group joint, and is asked before it can leave.
  electSecond(group, [3, 4, 5]);
  ask(2);
  for (let round = 0; round < 6; round += 1) beat(group, 2);
  assert.deepEqual(asked, [
    "1,2,3 |  |  membershipChanging",
    "1,4,5 | 1,2,3 |  membershipChanging",
    "1,4,5 | 1,2,3 |  membershipChanging",
  ]);
  group.elect(4);
  assert.deepEqual(
    [1, 4, 5].map((id) => members(group, id)),
    Array(3).fill("1,4,5 |  | "),
  );
  change(group, 4, "r4 r5 v2 v3", "implicit");
  for (let round = 0; round < 6; round += 1) beat(group, 4);
  assert.equal(members(group, 1), "1,2,3 |  | ");
});

test("pitfall: a removed leader goes on (§6); here it leads until the others know", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  change(group, 1, "r1");
  propose(group, 1, "a");
  assert.equal(group.core(1).view().role, "leader");
  group.settle();
  assert.deepEqual(
    [1, 2, 3].map((id) => members(group, id)),
    Array(3).fill("2,3 |  | "),
  );
  assert.equal(group.core(1).view().role, "leader");
  propose(group, 1, "refused");
  assert.equal(refusal(group, 1), "notLeader");
  // One of the two that stay is no majority of them.
  group.tick(1, 3);
  group.drop(({ to }) => to === 3);
  group.settle();
  assert.equal(group.core(1).view().role, "leader");
  beat(group, 1);
  assert.equal(group.core(1).view().role, "follower");
  // The removed one never campaigns.
  group.tick(1, 200);
  assert.equal(group.core(1).view().role, "follower");
  group.elect(2);
  assert.deepEqual(
    group
      .core(2)
      .view()
      .peers.map(({ id }) => id),
    [3],
  );
});

test("pitfall: a removed leader counts itself for what it has yet to commit", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  change(group, 1, "r1");
  propose(group, 1, "behind its removal");
  // The removal commits by all three; what follows it gets to 2 alone.
  group.persist(1, 1);
  group.deliver();
  for (const id of [2, 3]) group.persist(id, 1);
  group.deliver(({ type }) => type === "appendEntriesReply");
  group.linked = (from, to) => from !== 3 && to !== 3;
  group.drop(({ from, to }) => from === 3 || to === 3);
  group.settle();
  beat(group, 1);
  const view = group.core(1).view();
  assert.deepEqual([members(group, 1), view.stableIndex], ["2,3 |  | ", 3]);
  assert.deepEqual([view.peers[0]?.matchIndex, view.committedIndex], [3, 2]);
  group.linked = (): boolean => true;
  beat(group, 1);
  assert.equal(group.core(1).committedIndex, 3);
});
