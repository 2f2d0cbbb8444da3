/**
 * A replica that lost what it promised: what it must not do, and how it becomes whole
 * (docs/adr/0010).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReplicaId } from "./entry.ts";
import { startRecovery } from "./recovering-state.ts";
import { ManualGroup } from "./testing/manual-group.ts";

const THREE: readonly ReplicaId[] = [1, 2, 3];

/** Three replicas, 1 leads, five entries are committed everywhere. */
function atWork(): ManualGroup {
  const group = new ManualGroup(THREE);
  group.elect(1);
  for (let proposal = 1; proposal <= 5; proposal += 1) {
    group.step(1, { type: "propose", proposal, data: [new Uint8Array([proposal])] });
  }
  group.settle();
  group.tick(1, 3);
  group.settle();
  return group;
}

function turns(group: ManualGroup, ids: readonly ReplicaId[], count: number): void {
  const cut = THREE.filter((id) => !ids.includes(id));
  for (let turn = 0; turn < count; turn += 1) {
    for (const id of ids) group.tick(id);
    group.settle(cut);
  }
}

function standing(group: ManualGroup, id: ReplicaId): string {
  return group.core(id).view().recovery?.standing ?? "whole";
}

test("a recovering replica becomes whole from its peers, its vote spent", () => {
  const group = atWork();
  group.wipe(3, "recovering", THREE);
  assert.equal(standing(group, 3), "recovering");
  turns(group, THREE, 30);
  assert.equal(standing(group, 3), "whole");
  const { term, vote, lastIndex } = group.core(3).view();
  assert.deepEqual([term, vote, lastIndex], [1, 3, 6]);
  assert.equal(group.core(1).view().role, "leader", "nobody was disturbed");
});

test("a recovering replica grants no vote and no pre-vote", () => {
  const group = atWork();
  group.wipe(3, "recovering", THREE);
  for (const preVote of [true, false]) {
    const lastLog = { index: 6, term: 1 };
    const ask = {
      from: 2,
      to: 3,
      term: 9,
      preVote,
      lastLog,
      applied: lastLog,
      leaderTransfer: true,
    };
    group.step(3, { type: "message", message: { type: "requestVote", ...ask } });
    group.persist(3);
    const reply = group.inFlight.findLast(({ type }) => type === "requestVoteReply");
    assert.deepEqual(
      [reply?.recovering, reply?.type === "requestVoteReply" && reply.granted],
      [true, false],
    );
  }
});

test("a recovering replica never campaigns, not even when told to", () => {
  const group = atWork();
  group.wipe(3, "recovering", THREE);
  group.step(3, { type: "message", message: { type: "timeoutNow", from: 1, to: 3, term: 1 } });
  group.tick(3, 200);
  assert.equal(group.core(3).view().role, "follower");
});

test("a leader counts no recovering replica for commits, reads and its quorum", () => {
  const group = atWork();
  group.wipe(3, "recovering", THREE);
  // 2 is away, so 3 can not hear its term and stays as it is.
  turns(group, [1, 3], 5);
  const committed = group.core(1).view().committedIndex;
  group.step(1, { type: "propose", proposal: 9, data: [new Uint8Array([9])] });
  group.step(1, { type: "readIndex", read: 1 });
  turns(group, [1, 3], 6);
  assert.equal(group.core(3).view().lastIndex, 7, "it takes in entries");
  assert.equal(group.core(1).view().committedIndex, committed);
  assert.deepEqual(
    group.answers(1).filter(({ type }) => type === "readReady"),
    [],
  );
  turns(group, [1, 3], 40);
  assert.notEqual(group.core(1).view().role, "leader", "it found no quorum");
  assert.deepEqual(group.core(3).view().recovery?.silent, [2]);
});

test("a replica is not whole before it heard the term of every other voter", () => {
  const group = atWork();
  group.wipe(3, "recovering", THREE);
  for (let turn = 0; turn < 40; turn += 1) {
    for (const id of THREE) group.tick(id);
    group.drop(({ type, from }) => type === "termReply" && from === 2);
    for (const id of THREE) group.persist(id);
    group.deliver();
  }
  assert.equal(standing(group, 3), "recovering");
  assert.deepEqual(group.core(3).view().recovery?.silent, [2]);
  turns(group, THREE, 10);
  assert.equal(standing(group, 3), "whole");
});

test("a replica is not whole before it holds all that its leader holds", () => {
  const group = atWork();
  group.wipe(3, "recovering", THREE);
  for (let turn = 0; turn < 40; turn += 1) {
    for (const id of THREE) group.tick(id);
    group.drop(({ type, to }) => type === "appendEntries" && to === 3);
    for (const id of THREE) group.persist(id);
    group.deliver();
  }
  assert.deepEqual(group.core(3).view().recovery?.silent, []);
  assert.equal(standing(group, 3), "recovering");
});

test("a recovering replica is asked to hold entries that are not committed yet", () => {
  const group = atWork();
  // An acknowledgement of its earlier life could still commit this one.
  group.step(1, { type: "propose", proposal: 9, data: [new Uint8Array([9])] });
  group.inFlight = [];
  const request = { type: "readIndexRequest", from: 3, to: 1, term: 1, context: 77 } as const;
  group.step(1, { type: "message", message: { ...request, recovering: true } });
  group.deliver(({ type, to }) => type === "heartbeat" && to === 2);
  group.deliver(({ type, from }) => type === "heartbeatReply" && from === 2);
  const reply = group.inFlight.find(({ type }) => type === "readIndexReply");
  assert.deepEqual(reply?.type === "readIndexReply" && [reply.context, reply.index], [77, 7]);
  assert.equal(group.core(1).view().committedIndex, 6);
});

test("what a replica lost is not taken for committed because its leader remembers it", () => {
  const group = atWork();
  group.wipe(3, "recovering", THREE);
  group.inFlight = [];
  const heartbeat = {
    type: "heartbeat",
    from: 1,
    to: 3,
    term: 1,
    commitTerm: 0,
    readRound: 0,
  } as const;
  group.step(3, { type: "message", message: { ...heartbeat, commitIndex: 6 } });
  assert.equal(group.core(3).view().committedIndex, 0);
  assert.equal(
    group.lines.some((line) => line.includes("lost")),
    false,
  );
  turns(group, THREE, 20);
  assert.equal(standing(group, 3), "whole");
});

test("a replica that is wiped again while it recovers becomes whole all the same", () => {
  const group = atWork();
  group.wipe(3, "recovering", THREE);
  group.tick(3);
  for (let round = 0; round < 4; round += 1) {
    for (const id of THREE) group.persist(id);
    group.deliver();
  }
  group.wipe(3, "blank", THREE);
  turns(group, THREE, 30);
  assert.equal(standing(group, 3), "whole");
});

test("two of three that recover wait; with the third alone nothing is elected", () => {
  const group = atWork();
  group.wipe(2, "recovering", THREE);
  group.wipe(3, "blank", THREE);
  turns(group, THREE, 120);
  assert.deepEqual([standing(group, 2), standing(group, 3)], ["recovering", "blank"]);
  assert.notEqual(group.core(1).view().role, "leader");
  const view = group.core(2).view().recovery;
  assert.deepEqual([view?.healthy, view?.healthyNeeded, view?.recovering], [1, 2, [3]]);
});

test("a replica stays what it is through a restart until it is whole", () => {
  const group = atWork();
  group.wipe(3, "recovering", THREE);
  group.restart(3);
  assert.equal(standing(group, 3), "recovering");
  turns(group, THREE, 30);
  group.restart(3);
  assert.equal(standing(group, 3), "whole");
});

test("blank replicas found a group once all of them are there", () => {
  const group = new ManualGroup(THREE);
  for (const id of THREE) group.wipe(id, "blank", THREE);
  turns(group, [1, 2], 60);
  assert.deepEqual([standing(group, 1), standing(group, 2)], ["blank", "blank"]);
  turns(group, THREE, 60);
  assert.deepEqual(
    THREE.map((id) => standing(group, id)),
    ["whole", "whole", "whole"],
  );
  assert.equal(THREE.filter((id) => group.core(id).view().role === "leader").length, 1);
});

test("a founded replica campaigns only after all others were seen whole", () => {
  const group = new ManualGroup(THREE);
  for (const id of THREE) group.wipe(id, "blank", THREE);
  for (let turn = 0; turn < 100; turn += 1) {
    for (const id of THREE) group.tick(id);
    // 2 hears nothing, so it stays blank.
    group.drop(({ type, to }) => type === "termReply" && to === 2);
    for (const id of THREE) group.persist(id);
    group.deliver();
  }
  assert.deepEqual(
    THREE.map((id) => standing(group, id)),
    ["founded", "blank", "founded"],
  );
  assert.deepEqual(
    THREE.map((id) => group.core(id).view().term),
    [0, 0, 0],
  );
  turns(group, THREE, 60);
  assert.deepEqual(
    THREE.map((id) => standing(group, id)),
    ["whole", "whole", "whole"],
  );
});

test("a founded replica that has been in a term is whole when it starts", () => {
  assert.equal(startRecovery("founded", 0, 7)?.standing, "founded");
  assert.equal(startRecovery("founded", 1, 7), undefined);
  assert.equal(startRecovery("recovering", 1, 7)?.standing, "recovering");
});

test("a wiped replica of a group at work does not found another", () => {
  const group = atWork();
  group.wipe(3, "blank", THREE);
  turns(group, [2, 3], 10);
  assert.equal(standing(group, 3), "blank");
  turns(group, THREE, 40);
  assert.equal(standing(group, 3), "whole");
  assert.equal(group.core(3).view().vote, 3);
});

test("wiped founders of a group that has grown do not found another with one that slept", () => {
  for (const grown of [true, false]) {
    // 1 never heard of anything; 2 and 3 founded the group with it, and took in 4 and 5.
    const group = new ManualGroup(THREE);
    for (const id of [2, 3]) group.wipe(id, "blank", THREE);
    for (const to of grown ? [2, 3] : []) {
      const position = { index: 7, term: 1 };
      const asks = { from: 4, to, term: 2, preVote: true, leaderTransfer: false } as const;
      const logs = { lastLog: position, applied: position };
      group.step(to, { type: "message", message: { type: "requestVote", ...asks, ...logs } });
    }
    group.drop(({ to }) => to === 4);
    turns(group, THREE, 60);
    const standings = [standing(group, 2), standing(group, 3)];
    assert.deepEqual(standings, grown ? ["blank", "blank"] : ["whole", "whole"]);
  }
});

test("a damaged replica founds with the others where nobody holds anything", () => {
  const group = new ManualGroup(THREE);
  for (const id of THREE) group.wipe(id, "blank", THREE);
  group.wipe(2, "recovering", THREE);
  turns(group, THREE, 60);
  assert.deepEqual(
    THREE.map((id) => standing(group, id)),
    ["whole", "whole", "whole"],
  );
});

test("one that is damaged before anybody was elected founds again with the others", () => {
  const group = new ManualGroup(THREE);
  for (const id of THREE) group.wipe(id, "blank", THREE);
  group.wipe(3, "recovering", THREE);
  // One of the others had seen all of them whole, and asked for votes before it was restarted.
  const nothing = { index: 0, term: 0 };
  const asks = { from: 1, to: 3, term: 1, preVote: true, leaderTransfer: false } as const;
  const logs = { lastLog: nothing, applied: nothing };
  group.step(3, { type: "message", message: { type: "requestVote", ...asks, ...logs } });
  turns(group, THREE, 60);
  assert.deepEqual(
    THREE.map((id) => standing(group, id)),
    ["whole", "whole", "whole"],
  );
});

test("a read at a recovering replica waits, and commits nothing", () => {
  const group = atWork();
  group.wipe(3, "recovering", THREE);
  // Without 2 the new entry is not committed; 2 was heard before.
  turns(group, THREE, 1);
  group.step(3, { type: "readIndex", read: 5 });
  group.step(1, { type: "propose", proposal: 9, data: [new Uint8Array([9])] });
  turns(group, [1, 3], 12);
  const { committedIndex } = group.core(1).view();
  assert.ok(group.core(3).view().committedIndex <= committedIndex);
  if (standing(group, 3) !== "whole") assert.deepEqual(group.answers(3), []);
});

test("a lone blank voter founds after a while in which nobody spoke", () => {
  const group = new ManualGroup([1]);
  group.wipe(1, "blank", [1]);
  group.tick(1, 20);
  assert.equal(standing(group, 1), "blank");
  turns(group, [1], 30);
  assert.equal(group.core(1).view().role, "leader");
});

test("a lone blank voter that hears of a group does not found another", () => {
  const group = new ManualGroup([1]);
  group.wipe(1, "blank", [1]);
  const lastLog = { index: 3, term: 4 };
  const heartbeat = {
    type: "heartbeat",
    from: 2,
    to: 1,
    term: 4,
    commitTerm: 0,
    readRound: 0,
  } as const;
  group.step(1, { type: "message", message: { ...heartbeat, commitIndex: lastLog.index } });
  turns(group, [1], 60);
  assert.equal(standing(group, 1), "blank");
});

test("a lone voter whose log was damaged stays as it is", () => {
  const group = new ManualGroup([1]);
  group.wipe(1, "recovering", [1]);
  turns(group, [1], 100);
  assert.equal(standing(group, 1), "recovering");
});

test("a replica is not whole before its own disk holds what it applied", () => {
  const group = atWork();
  group.wipe(3, "recovering", THREE);
  for (let turn = 0; turn < 40; turn += 1) {
    for (const id of THREE) group.tick(id);
    group.persist(1);
    group.persist(2);
    // Term and vote become durable, entries do not.
    if (group.core(3).view().lastIndex === 0) group.persist(3);
    group.deliver();
  }
  const { appliedIndex, stableIndex, vote } = group.core(3).view();
  assert.deepEqual([appliedIndex, stableIndex, vote], [6, 0, 0]);
});

test("a leader forgets what a replica acknowledged when it hears that its log is lost", () => {
  const group = atWork();
  const matchIndex = (): number | undefined =>
    group
      .core(1)
      .view()
      .peers.find(({ id }) => id === 3)?.matchIndex;
  const refusal = { type: "appendEntriesReply", from: 3, to: 1, term: 1, success: false } as const;
  const hint = { index: 0, term: 0 };
  const lost = (index: number): void =>
    group.step(1, { type: "message", message: { ...refusal, recovering: true, index, hint } });
  assert.equal(matchIndex(), 6);
  const query = { type: "termQuery", from: 3, to: 1, term: 0, context: 5 } as const;
  group.step(1, { type: "message", message: { ...query, recovering: true } });
  assert.equal(matchIndex(), 0);
  const success = { ...refusal, success: true, index: 4, hint, recovering: true } as const;
  group.step(1, { type: "message", message: success });
  assert.equal(matchIndex(), 4);
  // It lost its log once more, while it was recovering.
  lost(3);
  assert.equal(matchIndex(), 0);
});
