/**
 * Terms, votes and leadership in the Raft paper (§5.1, §5.2, §5.4.1) and dissertation. Each test
 * names its section.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualGroup } from "./testing/manual-group.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function propose(group: ManualGroup, id: number, ...texts: string[]): void {
  group.step(id, { type: "propose", proposal: group.lines.length, data: texts.map(bytes) });
}

test("§5.1 a server that sees a later term follows it, whatever it is", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  const message = { from: 3, to: 1, term: 9, commitIndex: 0, commitTerm: 0, readRound: 0 } as const;
  group.step(1, { type: "message", message: { ...message, type: "heartbeat" } });
  const { role, term, leader } = group.core(1).view();
  assert.deepEqual({ role, term, leader }, { role: "follower", term: 9, leader: 3 });
});

test("§5.1 a request of an earlier term is refused, and its sender learns the term", () => {
  const group = new ManualGroup([1, 2, 3], {
    logs: new Map([[2, { hardState: { term: 5, vote: 0, commit: 0 } }]]),
  });
  const message = { from: 1, to: 2, term: 4, commitIndex: 0, commitTerm: 0, readRound: 0 } as const;
  group.step(2, { type: "message", message: { ...message, type: "heartbeat" } });
  assert.deepEqual(
    group.inFlight.map(({ type, to, term }) => ({ type, to, term })),
    [{ type: "heartbeatReply", to: 1, term: 5 }],
  );
  assert.equal(group.core(2).view().leader, 0);
});

test("§5.1 no message of a term leaves before term and vote are durable", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.timeout(1);
  group.deliver();
  group.deliver();
  assert.equal(group.core(1).view().role, "candidate");
  assert.deepEqual(group.inFlight, []);
  group.persist(1);
  assert.deepEqual(
    group.inFlight.map(({ type, to }) => [type, to]),
    [
      ["requestVote", 2],
      ["requestVote", 3],
    ],
  );
  group.deliver();
  assert.deepEqual(group.inFlight, [], "votes wait too");
  group.persist(2);
  assert.equal(group.inFlight.length, 1);
});

test("§5.2 servers begin as followers, and stay so while they hear a leader", () => {
  const group = new ManualGroup([1, 2, 3]);
  for (const id of [1, 2, 3]) assert.equal(group.core(id).view().role, "follower");
  group.elect(1);
  for (let tick = 0; tick < 100; tick += 1) {
    for (const id of [1, 2, 3]) group.tick(id);
    group.settle();
  }
  assert.deepEqual(
    [1, 2, 3].map((id) => group.core(id).view().term),
    [1, 1, 1],
  );
});

test("§5.2 a candidate with the votes of a majority leads and says so at once", () => {
  for (const voters of [[1], [1, 2, 3], [1, 2, 3, 4, 5]]) {
    const group = new ManualGroup(voters);
    // A minority is silent.
    group.elect(1, voters.slice((voters.length + 1) / 2));
    assert.equal(group.core(1).view().role, "leader");
  }
});

test("§5.2 each server votes for one candidate in a term, first come first served", () => {
  const group = new ManualGroup([1, 2, 3]);
  const ask = (from: number): void => {
    group.step(3, {
      type: "message",
      message: {
        type: "requestVote",
        from,
        to: 3,
        term: 1,
        preVote: false,
        lastLog: { index: 0, term: 0 },
        applied: { index: 0, term: 0 },
        leaderTransfer: false,
      },
    });
    group.persist(3);
  };
  ask(1);
  ask(2);
  ask(1);
  group.restart(3);
  group.inFlight = [];
  ask(2);
  ask(1);
  const replies = group.lines.filter((line) => line.includes("requestVoteReply"));
  assert.deepEqual(replies, [
    "3>1 requestVoteReply term=1 granted",
    "3>2 requestVoteReply term=1 refused",
    "3>1 requestVoteReply term=1 granted",
    "3>2 requestVoteReply term=1 refused",
    "3>1 requestVoteReply term=1 granted",
  ]);
});

test("§5.2 a candidate that hears a leader of its term follows it", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.timeout(1);
  group.deliver();
  group.deliver();
  group.persist(1);
  assert.equal(group.core(1).view().role, "candidate");
  const message = { from: 2, to: 1, term: 1, commitIndex: 0, commitTerm: 0, readRound: 0 } as const;
  group.step(1, { type: "message", message: { ...message, type: "heartbeat" } });
  const { role, leader, term } = group.core(1).view();
  assert.deepEqual({ role, leader, term }, { role: "follower", leader: 2, term: 1 });
});

test("§5.2 a candidate that neither wins nor loses tries again in a later term", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.timeout(1);
  group.deliver();
  group.deliver();
  group.persist(1);
  group.drop(() => true);
  group.timeout(1);
  group.settle();
  assert.equal(group.core(1).view().role, "leader");
  assert.equal(group.core(1).view().term, 2);
});

test("§5.2 election timeouts differ from one election to the next", () => {
  const group = new ManualGroup([1, 2, 3], { settings: { electionTimeoutTicksMin: 10 } });
  const ticks = new Set<number>();
  for (let round = 0; round < 30; round += 1) {
    const lines = group.lines.length;
    let count = 0;
    while (group.lines.length === lines || !group.lines.at(-1)?.includes("requestVote")) {
      group.tick(1);
      count += 1;
    }
    group.drop(() => true);
    ticks.add(count);
  }
  assert.ok(ticks.size > 8, [...ticks].join(" "));
  assert.ok([...ticks].every((count) => count >= 10 && count <= 30));
});

test("§5.4.1 a vote goes to no one whose log is less up to date", () => {
  const cases = [
    { own: [1, 1], asks: { index: 2, term: 1 }, granted: true },
    { own: [1, 1], asks: { index: 3, term: 1 }, granted: true },
    { own: [1, 1], asks: { index: 1, term: 1 }, granted: false },
    { own: [1, 1], asks: { index: 1, term: 2 }, granted: true },
    { own: [1, 2], asks: { index: 5, term: 1 }, granted: false },
    { own: [], asks: { index: 0, term: 0 }, granted: true },
  ];
  for (const { own, asks, granted } of cases) {
    for (const preVote of [false, true]) {
      const group = new ManualGroup([1, 2], { logs: new Map([[2, { terms: own }]]) });
      group.step(2, {
        type: "message",
        message: {
          type: "requestVote",
          from: 1,
          to: 2,
          term: 9,
          preVote,
          lastLog: asks,
          applied: { index: 0, term: 0 },
          leaderTransfer: false,
        },
      });
      group.persist(2);
      const reply = group.inFlight[0];
      assert.equal(reply?.type, "requestVoteReply");
      assert.equal(reply.granted, granted, JSON.stringify({ own, asks, preVote }));
    }
  }
});

test("dissertation §3.10 a leader hands over to a follower that has everything", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  propose(group, 1, "a");
  group.step(1, { type: "transferLeadership", to: 3 });
  group.step(1, { type: "propose", proposal: 99, data: [bytes("b")] });
  group.settle();
  assert.equal(group.core(3).view().role, "leader");
  assert.equal(group.core(1).view().role, "follower");
  assert.deepEqual(group.answers(1).at(-1), {
    type: "proposalRefused",
    proposal: 99,
    reason: "notLeader",
    detail: "",
    leader: 3,
  });
});

test("dissertation §3.10 a hand-over that fails ends after an election timeout", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  group.step(1, { type: "transferLeadership", to: 3 });
  group.drop(({ to }) => to === 3);
  for (let tick = 0; tick < 15; tick += 1) {
    group.tick(1);
    group.settle([3]);
  }
  propose(group, 1, "a");
  assert.equal(group.answers(1).at(-1)?.type, "proposalAccepted");
});

test("dissertation §4.2.3 a vote is not given while a leader is alive", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  group.step(2, {
    type: "message",
    message: {
      type: "requestVote",
      from: 3,
      to: 2,
      term: 7,
      preVote: false,
      lastLog: { index: 9, term: 6 },
      applied: { index: 0, term: 0 },
      leaderTransfer: false,
    },
  });
  assert.equal(group.core(2).view().term, 1);
  assert.deepEqual(group.inFlight, []);
});

test("dissertation §6.2 a leader that no majority answers steps down", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  for (let tick = 0; tick < 31; tick += 1) {
    group.tick(1);
    group.settle([2, 3]);
  }
  const { role, term, leader } = group.core(1).view();
  assert.deepEqual({ role, term, leader }, { role: "follower", term: 1, leader: 0 });
});

test("dissertation §6.2 a leader that stood still steps down when it is told", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  group.step(1, { type: "stalled" });
  assert.equal(group.core(1).view().role, "follower");
});

test("dissertation §9.6 a server that was cut off disturbs nobody when it returns", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  group.tick(3, 200);
  assert.equal(group.core(3).view().term, 1);
  group.settle();
  group.tick(1, 3);
  group.settle();
  assert.deepEqual(
    [1, 2, 3].map((id) => [group.core(id).view().term, group.core(id).view().leader]),
    [
      [1, 1],
      [1, 1],
      [1, 1],
    ],
  );
});

test("dissertation §9.6 a lost connection to the leader starts elections at once, in turn", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  group.tick(1, 3);
  group.settle();
  for (const id of [2, 3]) group.step(id, { type: "peerLost", peer: 1 });
  group.tick(2);
  group.tick(3);
  assert.equal(group.core(2).view().role, "preCandidate");
  assert.equal(group.core(3).view().role, "follower", "it waits for its turn");
  group.settle([1]);
  assert.equal(group.core(2).view().role, "leader");
});

test("dissertation §9.6 a lost connection to a leader that others hear changes nothing", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  group.step(2, { type: "peerLost", peer: 1 });
  for (let tick = 0; tick < 30; tick += 1) {
    for (const id of [1, 2, 3]) group.tick(id);
    group.settle();
  }
  assert.deepEqual(
    [1, 2, 3].map((id) => group.core(id).view().leader),
    [1, 1, 1],
  );
  assert.equal(group.core(1).view().term, 1);
});
