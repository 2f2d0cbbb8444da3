import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "@atoll/stdx";
import type { LogPosition, ReplicaId } from "raft-ts";
import { membershipOf } from "raft-ts";
import type { ProposalOutcome, ReadOutcome, RecoveredLog } from "./ports.ts";
import { ManualReplicas } from "./testing/manual-ports.ts";

const DATA = [new Uint8Array([1]), new Uint8Array([2])];

/** What a replica finds that has everything up to `last` in its snapshot. */
function withSnapshot(last: LogPosition, voters: readonly ReplicaId[]): Partial<RecoveredLog> {
  const content = new Uint8Array(6);
  const about = { sizeBytes: content.length, checksum: crc32c(content) };
  return {
    hardState: { term: last.term, vote: 1, commit: 0 },
    snapshot: { ...last, membership: membershipOf(voters), ...about },
    firstIndex: last.index + 1,
    last,
    tailPrevious: last,
  };
}

test("propose() answers when the batch is applied here", () => {
  const group = new ManualReplicas([1, 2, 3]);
  const leader = group.elect(1);
  const outcomes: ProposalOutcome[] = [];
  leader.propose(DATA, (outcome) => {
    outcomes.push(outcome);
    assert.equal(group.of(1).stateMachine.applied.length, 3);
  });
  assert.deepEqual(outcomes, []);
  group.run();
  assert.deepEqual(outcomes, [{ type: "committed", firstIndex: 2, lastIndex: 3, term: 1 }]);
  assert.deepEqual(
    group.of(3).stateMachine.applied.map(({ data }) => data.length),
    [0, 1, 1],
  );
});

test("propose() refuses on a follower and names the leader", () => {
  const group = new ManualReplicas([1, 2, 3]);
  group.elect(1);
  const outcomes: ProposalOutcome[] = [];
  group.of(2).replica.propose(DATA, (outcome) => outcomes.push(outcome));
  assert.deepEqual(outcomes, [{ type: "refused", reason: "notLeader", leader: 1 }]);
});

test("propose() refuses past its bound, and takes again when some are answered", () => {
  const group = new ManualReplicas([1, 2, 3], { proposalsPendingMax: 2 });
  const leader = group.elect(1);
  const types: string[] = [];
  const note = (outcome: ProposalOutcome): void => {
    types.push(outcome.type === "refused" ? outcome.reason : outcome.type);
  };
  for (let at = 0; at < 3; at += 1) leader.propose(DATA, note);
  assert.deepEqual(types, ["overloaded"]);
  group.run();
  leader.propose(DATA, note);
  group.run();
  assert.deepEqual(types, ["overloaded", "committed", "committed", "committed"]);
});

test("propose() is unknown when leadership ends before the commit", () => {
  const group = new ManualReplicas([1, 2, 3]);
  const leader = group.elect(1);
  group.cut.add(1);
  const outcomes: ProposalOutcome[] = [];
  leader.propose(DATA, (outcome) => outcomes.push(outcome));
  group.run();
  leader.stalled();
  assert.deepEqual(outcomes, [{ type: "unknown", leader: 0 }]);
});

test("propose() may be called from an outcome without recursing into the core", () => {
  const group = new ManualReplicas([1, 2, 3]);
  const leader = group.elect(1);
  let left = 5_000;
  const again = (outcome: ProposalOutcome): void => {
    assert.equal(outcome.type, "committed");
    left -= 1;
    if (left > 0) leader.propose(DATA, again);
  };
  leader.propose(DATA, again);
  group.run();
  assert.equal(left, 0);
});

test("readIndex() answers once its index is applied here, on leader and follower", () => {
  const group = new ManualReplicas([1, 2, 3]);
  const leader = group.elect(1);
  leader.propose(DATA, () => undefined);
  group.run();
  const seen: (readonly [ReadOutcome, number])[] = [];
  for (const id of [1, 2, 3]) {
    const { replica, stateMachine } = group.of(id);
    replica.readIndex((outcome) => seen.push([outcome, stateMachine.applied.length]));
  }
  group.run();
  assert.deepEqual(seen.length, 3);
  for (const [outcome, applied] of seen) {
    assert.deepEqual(outcome, { type: "ready", index: 3 });
    assert.equal(applied, 3);
  }
});

test("readIndex() refuses past its bound", () => {
  const group = new ManualReplicas([1, 2, 3], { readsPendingMax: 2 });
  const outcomes: ReadOutcome[] = [];
  for (let at = 0; at < 3; at += 1) {
    group.of(1).replica.readIndex((outcome) => outcomes.push(outcome));
  }
  assert.deepEqual(outcomes, [{ type: "refused", reason: "overloaded", leader: 0 }]);
});

test("leadershipChanged() says leading once the no-op is applied, and no sooner", () => {
  const group = new ManualReplicas([1, 2, 3]);
  group.elect(1);
  assert.deepEqual(group.of(1).changes.at(-1), { term: 1, leader: 1, leading: true });
  assert.deepEqual(group.of(2).changes.at(-1), { term: 1, leader: 1, leading: false });
  const first = group.of(1).changes.find(({ leader }) => leader === 1);
  assert.deepEqual(first, { term: 1, leader: 1, leading: false });
});

test("a snapshot is taken after so many entries, and the log keeps what is to be retained", () => {
  const group = new ManualReplicas([1, 2, 3], { snapshotEveryEntries: 10, retainEntries: 4 });
  const leader = group.elect(1);
  for (let at = 0; at < 12; at += 1) {
    leader.propose([new Uint8Array([at])], () => undefined);
    group.run();
  }
  group.tick();
  const { store } = group.of(1);
  assert.equal(store.snapshot?.index, 10);
  assert.deepEqual(store.compactions, [6]);
  const { snapshotIndex, firstIndex, lastIndex } = leader.status();
  assert.deepEqual(
    { snapshotIndex, firstIndex, lastIndex },
    {
      snapshotIndex: 10,
      firstIndex: 7,
      lastIndex: 13,
    },
  );
  const content = Uint8Array.from(store.content.flatMap((chunk) => [...chunk]));
  assert.equal(store.snapshot?.checksum, crc32c(content));
  assert.equal(store.snapshot?.sizeBytes, content.length);
});

test("a snapshot is taken after so many bytes", () => {
  const group = new ManualReplicas([1], { snapshotEveryBytes: 1_000 });
  const leader = group.elect(1);
  leader.propose([new Uint8Array(2_000)], () => undefined);
  group.run();
  group.tick();
  assert.equal(group.of(1).store.snapshot?.index, 2);
});

test("a large snapshot is one chunk's work in a tick, and of the moment it was taken", () => {
  const group = new ManualReplicas([1], { snapshotEveryEntries: 10 });
  const leader = group.elect(1);
  const { store, stateMachine } = group.of(1);
  stateMachine.snapshotChunks = 1_000;
  for (let at = 0; at < 9; at += 1) {
    leader.propose([new Uint8Array([at])], () => undefined);
    group.run();
  }
  const atOnce = stateMachine.chunksGiven;
  assert.ok(atOnce > 0 && atOnce <= 2, `${atOnce}`);
  let most = 0;
  for (let tick = 0; tick < 1_001 && store.snapshot === undefined; tick += 1) {
    const before = stateMachine.chunksGiven;
    leader.propose([new Uint8Array(1)], () => undefined);
    group.tick();
    most = Math.max(most, stateMachine.chunksGiven - before);
  }
  assert.equal(most, 1);
  const content = Uint8Array.from(store.content.flatMap((chunk) => [...chunk]));
  const { index, checksum, sizeBytes } = store.snapshot ?? {};
  assert.deepEqual(
    { index, checksum, sizeBytes, first: content[0] },
    { index: 10, checksum: crc32c(content), sizeBytes: 1 + 999 * 5, first: 10 },
  );
  assert.ok(stateMachine.applied.length > 1_000);
});

test("entries are applied in bounded batches", () => {
  const group = new ManualReplicas([1], { raft: { applyBytesMax: 100 } });
  const leader = group.elect(1);
  leader.propose(
    Array.from({ length: 10 }, () => new Uint8Array(18)),
    () => undefined,
  );
  group.run();
  const { batches, applied } = group.of(1).stateMachine;
  assert.deepEqual([applied.length, batches], [11, 6]);
});

test("one turn applies no more than its bound, the next goes on", () => {
  const group = new ManualReplicas([1], {
    applyBytesPerTurnMax: 100,
    raft: { applyBytesMax: 50 },
  });
  const leader = group.elect(1);
  const data = Array.from({ length: 6 }, () => new Uint8Array(18));
  leader.propose(data, () => undefined);
  group.run();
  const { stateMachine } = group.of(1);
  assert.equal(leader.status().commitIndex, 7);
  const counts = [stateMachine.applied.length];
  for (let tick = 0; tick < 3; tick += 1) {
    leader.tick();
    counts.push(stateMachine.applied.length);
  }
  assert.deepEqual(counts, [3, 5, 7, 7]);
});

test("the state is restored from the newest snapshot before anything is applied", () => {
  const recovered = withSnapshot({ index: 5, term: 1 }, [1]);
  const group = new ManualReplicas([1], {}, recovered);
  const { replica, stateMachine } = group.of(1);
  replica.tick();
  group.run();
  assert.equal(replica.status().commitIndex, 6);
  assert.deepEqual([stateMachine.restored, stateMachine.applied], [undefined, []]);
  group.releaseReads();
  assert.deepEqual(stateMachine.restored, recovered.snapshot);
  assert.deepEqual(
    stateMachine.applied.map(({ index }) => index),
    [6],
  );
});

test("readIndex() waits for a snapshot that is not restored yet and covers the index", () => {
  const group = new ManualReplicas([1, 2, 3]);
  const leader = group.elect(1);
  const { commitIndex: index, term } = leader.status();
  group.join(3, {}, withSnapshot({ index, term }, [1, 2, 3]));
  for (let beat = 0; beat < 5; beat += 1) group.tick();
  const { replica, stateMachine } = group.of(3);
  assert.deepEqual([replica.status().leader, leader.status().commitIndex], [1, index]);
  const seen: (readonly [ReadOutcome, boolean])[] = [];
  replica.readIndex((outcome) => seen.push([outcome, stateMachine.restored !== undefined]));
  group.run();
  assert.deepEqual(seen, []);
  group.releaseReads();
  assert.deepEqual(seen, [[{ type: "ready", index }, true]]);
});

test("a damaged snapshot stops the replica", () => {
  const membership = membershipOf([1]);
  const snapshot = { index: 5, term: 1, membership, sizeBytes: 6, checksum: 1 };
  const group = new ManualReplicas(
    [1],
    {},
    {
      hardState: { term: 1, vote: 1, commit: 0 },
      snapshot,
      firstIndex: 6,
      last: { index: 5, term: 1 },
      tailPrevious: { index: 5, term: 1 },
    },
  );
  group.releaseReads();
  assert.equal(group.of(1).failures.length, 1);
  assert.equal(group.of(1).replica.status().role, "stopped");
});

test("a failed write stops the replica for good, and nothing is retried", () => {
  const group = new ManualReplicas([1, 2, 3]);
  const leader = group.elect(1);
  const { store, failures } = group.of(1);
  const outcomes: string[] = [];
  store.failure = new Error("EIO");
  leader.propose(DATA, ({ type }) => outcomes.push(type));
  leader.readIndex(({ type }) => outcomes.push(type));
  const { writes } = store;
  // The peers answer too late: their acknowledgements come after the failure.
  group.cut.add(1);
  group.run();
  group.cut.delete(1);
  leader.tick();
  leader.propose(DATA, ({ type }) => outcomes.push(type));
  group.run();
  assert.deepEqual(
    failures.map(({ message }) => message),
    ["EIO"],
  );
  assert.deepEqual(outcomes, ["unknown", "refused", "refused"]);
  assert.equal(store.writes, writes);
});

test("stop() answers everything that waits, once", () => {
  const group = new ManualReplicas([1, 2, 3]);
  const leader = group.elect(1);
  const outcomes: string[] = [];
  leader.propose(DATA, ({ type }) => outcomes.push(type));
  leader.readIndex(({ type }) => outcomes.push(type));
  leader.stop();
  leader.stop();
  group.run();
  assert.deepEqual(outcomes, ["unknown", "refused"]);
  leader.propose(DATA, ({ type }) => outcomes.push(type));
  assert.deepEqual(outcomes, ["unknown", "refused", "refused"]);
});

test("peerLost() of the leader brings a new one before any timeout", () => {
  const group = new ManualReplicas([1, 2, 3]);
  group.elect(1);
  group.cut.add(1);
  for (const id of [2, 3]) group.of(id).replica.peerLost(1);
  for (let tick = 0; tick < 3; tick += 1) {
    for (const id of [2, 3]) group.of(id).replica.tick();
    group.run();
  }
  assert.equal(group.of(2).replica.status().role, "leader");
  assert.deepEqual(group.of(3).changes.at(-1), { term: 2, leader: 2, leading: false });
});

test("transferLeadership() moves leadership to the named replica", () => {
  const group = new ManualReplicas([1, 2, 3]);
  group.elect(1).transferLeadership(3);
  group.run();
  assert.equal(group.of(3).replica.status().role, "leader");
});
