import assert from "node:assert/strict";
import { test } from "node:test";
import type { MembershipOutcome, SnapshotOutcome, TransferOutcome } from "./ports.ts";
import { ManualReplicas } from "./testing/manual-ports.ts";

const DATA = [new Uint8Array([1])];

function ticks(group: ManualReplicas, count: number): void {
  for (let tick = 0; tick < count; tick += 1) group.tick();
}

test("addReplica() makes a learner first, and a voter once it has caught up", () => {
  const settings = { promoteLagEntries: 1 };
  const group = new ManualReplicas([1, 2, 3], settings);
  const leader = group.elect(1);
  for (let at = 0; at < 20; at += 1) leader.propose(DATA, () => undefined);
  group.run();
  group.join(4, settings);
  group.cut.add(4);
  const outcomes: MembershipOutcome[] = [];
  leader.addReplica(4, (outcome) => outcomes.push(outcome));
  group.run();
  ticks(group, 5);
  assert.deepEqual(leader.status().membership.learners, [4]);
  assert.equal(outcomes.length, 0);
  group.cut.clear();
  ticks(group, 20);
  assert.deepEqual(
    outcomes.map(({ type }) => type),
    ["committed"],
  );
  for (const id of [1, 2, 3, 4]) {
    const { membership, appliedIndex } = group.of(id).replica.status();
    assert.deepEqual([membership.voters, membership.learners], [[1, 2, 3, 4], []], `${id}`);
    assert.equal(appliedIndex, leader.status().appliedIndex);
  }
  leader.addReplica(4, (outcome) => outcomes.push(outcome));
  assert.deepEqual(outcomes.at(-1), { type: "invalid", reason: "replica 4 is a voter already" });
});

test("addReplica() makes no voter of a learner that recovers", () => {
  const group = new ManualReplicas([1, 2, 3]);
  const leader = group.elect(1);
  // One that recovers asks all voters for their terms, and waits for every answer.
  group.cut.add(3);
  group.join(4, {}, { standing: "recovering" });
  const outcomes: MembershipOutcome[] = [];
  leader.addReplica(4, (outcome) => outcomes.push(outcome));
  group.run();
  ticks(group, 20);
  const { membership, lastIndex, peers } = leader.status();
  const matchIndex = peers.find(({ id }) => id === 4)?.matchIndex;
  assert.deepEqual([membership.learners, matchIndex, outcomes], [[4], lastIndex, []]);
  group.cut.clear();
  ticks(group, 20);
  assert.equal(outcomes.at(-1)?.type, "committed");
});

test("addReplica() is unknown when leadership ends, and the next leader goes on from there", () => {
  const group = new ManualReplicas([1, 2, 3]);
  const leader = group.elect(1);
  const outcomes: MembershipOutcome[] = [];
  leader.addReplica(4, (outcome) => outcomes.push(outcome));
  group.run();
  leader.stalled();
  group.run();
  assert.deepEqual(outcomes, [{ type: "unknown", leader: 0 }]);
  const second = group.elect(2);
  group.join(4);
  second.addReplica(4, (outcome) => outcomes.push(outcome));
  group.run();
  ticks(group, 20);
  assert.equal(outcomes.at(-1)?.type, "committed");
  assert.deepEqual(second.status().membership.voters, [1, 2, 3, 4]);
});

test("removeReplica() of a leader that is deposed before the others know is unknown", () => {
  const group = new ManualReplicas([1, 2, 3]);
  const leader = group.elect(1);
  const outcomes: MembershipOutcome[] = [];
  leader.removeReplica(1, (outcome) => outcomes.push(outcome));
  group.run();
  assert.deepEqual(leader.status().membership.voters, [2, 3]);
  leader.stalled();
  group.run();
  assert.deepEqual(outcomes, [{ type: "unknown", leader: 0 }]);
});

test("removeReplica() removes any member, the leader too, and refuses strangers", () => {
  const group = new ManualReplicas([1, 2, 3]);
  const leader = group.elect(1);
  const outcomes: MembershipOutcome[] = [];
  const note = (outcome: MembershipOutcome): void => void outcomes.push(outcome);
  leader.removeReplica(9, note);
  assert.deepEqual(outcomes, [{ type: "invalid", reason: "replica 9 is no member" }]);
  group.of(2).replica.removeReplica(3, note);
  assert.deepEqual(outcomes.at(-1), { type: "refused", reason: "notLeader", leader: 1 });
  leader.removeReplica(1, note);
  group.run();
  // The others may need it until they are known to know.
  assert.deepEqual([outcomes.length, leader.status().role], [2, "leader"]);
  ticks(group, 4);
  assert.equal(outcomes.at(-1)?.type, "committed");
  assert.equal(leader.status().role, "follower");
  ticks(group, 60);
  const roles = [1, 2, 3].map((id) => group.of(id).replica.status().role);
  assert.equal(roles[0], "follower");
  assert.equal(roles.filter((role) => role === "leader").length, 1);
  assert.deepEqual(group.of(2).replica.status().membership.voters, [2, 3]);
});

test("changeMembership() refuses a second change before the first is applied", () => {
  const group = new ManualReplicas([1, 2, 3]);
  const leader = group.elect(1);
  const said: string[] = [];
  const note = (outcome: MembershipOutcome): void => {
    said.push(outcome.type === "refused" ? outcome.reason : outcome.type);
  };
  leader.changeMembership([{ type: "addLearner", replica: 4 }], "auto", note);
  leader.changeMembership([{ type: "addLearner", replica: 5 }], "auto", note);
  group.run();
  leader.changeMembership([], "auto", note);
  assert.deepEqual(said, ["membershipChanging", "committed", "invalid"]);
});

test("transferLeadership() says that it was handed over, or that nothing came of it", () => {
  const group = new ManualReplicas([1, 2, 3]);
  const leader = group.elect(1);
  const outcomes: TransferOutcome[] = [];
  const note = (outcome: TransferOutcome): void => void outcomes.push(outcome);
  leader.transferLeadership(9, note);
  assert.deepEqual(outcomes, [{ type: "refused", reason: "notVoter", leader: 1 }]);
  group.cut.add(3);
  leader.transferLeadership(3, note);
  leader.transferLeadership(2, note);
  assert.deepEqual(outcomes.at(-1), { type: "refused", reason: "transferring", leader: 1 });
  ticks(group, 20);
  assert.deepEqual(outcomes.at(-1), { type: "failed" });
  group.cut.clear();
  ticks(group, 5);
  leader.transferLeadership(3, note);
  group.run();
  assert.equal(outcomes.at(-1)?.type, "handedOver");
  assert.equal(group.of(3).replica.status().role, "leader");
});

test("handOver() chooses the voter that has most of the log", () => {
  const group = new ManualReplicas([1, 2, 3]);
  const leader = group.elect(1);
  group.cut.add(2);
  leader.propose(DATA, () => undefined);
  group.run();
  group.cut.clear();
  const outcomes: TransferOutcome[] = [];
  leader.handOver((outcome) => outcomes.push(outcome));
  group.run();
  assert.deepEqual(
    outcomes.map(({ type }) => type),
    ["handedOver"],
  );
  assert.equal(group.of(3).replica.status().role, "leader");
  leader.handOver((outcome) => outcomes.push(outcome));
  assert.deepEqual(outcomes.at(-1), { type: "refused", reason: "notLeader", leader: 3 });
  const alone = new ManualReplicas([1]).elect(1);
  alone.handOver((outcome) => outcomes.push(outcome));
  assert.deepEqual(outcomes.at(-1), { type: "refused", reason: "notVoter", leader: 1 });
});

test("snapshotNow() answers once a snapshot of what was applied is durable", () => {
  const group = new ManualReplicas([1, 2, 3]);
  const leader = group.elect(1);
  leader.propose(DATA, () => undefined);
  group.run();
  const outcomes: SnapshotOutcome[] = [];
  leader.snapshotNow((outcome) => outcomes.push(outcome));
  assert.equal(outcomes.length, 0);
  leader.snapshotNow((outcome) => outcomes.push(outcome));
  group.tick();
  assert.deepEqual(outcomes, [
    { type: "saved", index: 2 },
    { type: "saved", index: 2 },
  ]);
  assert.equal(group.of(1).store.snapshot?.index, 2);
  leader.stop();
  const refused: string[] = [];
  leader.handOver((outcome) => refused.push(outcome.type));
  leader.addReplica(4, (outcome) => refused.push(outcome.type));
  leader.removeReplica(2, (outcome) => refused.push(outcome.type));
  assert.deepEqual(refused, ["refused", "refused", "refused"]);
  leader.snapshotNow((outcome) => outcomes.push(outcome));
  assert.deepEqual(outcomes.at(-1), { type: "refused", reason: "stopped" });
});
