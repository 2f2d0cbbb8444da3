/**
 * The Raft paper and dissertation, sentence by sentence: each test says which section it stands for.
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

test("§5.1 a server that sees a later term follows it, whatever it is", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  const message = { from: 3, to: 1, term: 9, commitIndex: 0, readRound: 0 } as const;
  group.step(1, { type: "message", message: { ...message, type: "heartbeat" } });
  const { role, term, leader } = group.core(1).view();
  assert.deepEqual({ role, term, leader }, { role: "follower", term: 9, leader: 3 });
});

test("§5.1 a request of an earlier term is refused, and its sender learns the term", () => {
  const group = new ManualGroup([1, 2, 3], {
    logs: new Map([[2, { hardState: { term: 5, vote: 0 } }]]),
  });
  const message = { from: 1, to: 2, term: 4, commitIndex: 0, readRound: 0 } as const;
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
  const message = { from: 2, to: 1, term: 1, commitIndex: 0, readRound: 0 } as const;
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
        [1, { terms: leaderTerms, hardState: { term: 7, vote: 0 } }],
        [2, { terms: follower, hardState: { term: 7, vote: 0 } }],
        [3, { terms: [], hardState: { term: 7, vote: 0 } }],
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

test("§5.4.2 figure 8: an entry of an earlier term does not commit by being counted", () => {
  const group = new ManualGroup([1, 2, 3, 4, 5], {
    settings: { appendBytesMax: 1 },
    logs: new Map([
      [1, { terms: [1, 2], hardState: { term: 3, vote: 0 } }],
      [2, { terms: [1, 2], hardState: { term: 3, vote: 0 } }],
      [3, { terms: [1], hardState: { term: 3, vote: 0 } }],
      [4, { terms: [1], hardState: { term: 3, vote: 0 } }],
      [5, { terms: [1, 3], hardState: { term: 3, vote: 5 } }],
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

test("§7 a follower that needs what is compacted gets a snapshot in chunks, then the log", () => {
  const group = new ManualGroup([1, 2, 3], {
    settings: { snapshotChunkBytes: 40, tailBytesMax: 1 },
  });
  group.elect(1, [3]);
  for (let at = 0; at < 10; at += 1) propose(group, 1, `a${at}`);
  group.settle([3]);
  group.drop(({ to }) => to === 3);
  group.snapshot(1, 100);
  propose(group, 1, "b");
  for (let tick = 0; tick < 6; tick += 1) {
    group.tick(1);
    group.settle();
  }
  const chunks = group.lines.filter((line) => line.startsWith("1>3 installSnapshot"));
  assert.deepEqual(
    chunks.map((line) => line.split(" at ")[1]),
    ["0 of 100, 40 B", "40 of 100, 40 B", "80 of 100, 20 B last"],
  );
  const view = group.core(3).view();
  assert.deepEqual([view.snapshotIndex, view.lastIndex, view.committedIndex], [11, 12, 12]);
});

test("§7 a transfer goes on where it stopped, and a damaged chunk is asked for again", () => {
  const group = new ManualGroup([1, 2, 3], {
    settings: { snapshotChunkBytes: 40, tailBytesMax: 1 },
  });
  group.elect(1, [3]);
  for (let at = 0; at < 10; at += 1) propose(group, 1, `a${at}`);
  group.settle([3]);
  group.drop(({ to }) => to === 3);
  group.snapshot(1, 100);
  let damaged = 0;
  for (let tick = 0; tick < 60; tick += 1) {
    for (const id of [1, 2, 3]) group.tick(id);
    group.inFlight = group.inFlight.map((message) => {
      if (message.type !== "installSnapshot" || damaged > 1) return message;
      damaged += 1;
      return { ...message, chunk: message.chunk.map((byte) => byte ^ 1) };
    });
    if (tick === 20) group.drop(({ type }) => type === "installSnapshot");
    group.deliver();
    for (const id of [1, 2, 3]) group.persist(id);
  }
  assert.equal(damaged, 2);
  assert.equal(group.core(3).view().snapshotIndex, 11);
});

test("§7 a snapshot that arrives late takes nothing away", () => {
  const group = new ManualGroup([1, 2, 3], { settings: { tailBytesMax: 1 } });
  group.elect(1, [3]);
  for (let at = 0; at < 5; at += 1) propose(group, 1, `a${at}`);
  group.settle([3]);
  group.drop(({ to }) => to === 3);
  group.snapshot(1, 10);
  for (let tick = 0; tick < 3; tick += 1) group.tick(1);
  for (let round = 0; round < 2; round += 1) {
    group.deliver(({ type }) => type !== "installSnapshot");
    group.persist(3);
  }
  group.deliver(({ type }) => type !== "installSnapshot");
  const late = group.inFlight.filter(({ type }) => type === "installSnapshot");
  assert.equal(late.length, 1);
  group.settle();
  propose(group, 1, "b", "c");
  group.settle();
  const before = group.core(3).view().lastIndex;
  for (const message of late) group.step(3, { type: "message", message });
  group.settle();
  assert.equal(group.core(3).view().lastIndex, before);
  assert.equal(before, 8);
});

test("§8 a new leader commits a no-op of its term", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  assert.deepEqual(
    group.applied(2).map(({ index, term, type }) => ({ index, term, type })),
    [{ index: 1, term: 1, type: "noop" }],
  );
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

test("dissertation §6.4 a read waits for a round of heartbeats that began after it", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  // A reply to an earlier heartbeat is under way when the read comes.
  group.tick(1, 3);
  group.deliver(between(1, 2));
  group.step(1, { type: "readIndex", read: 7 });
  group.deliver(between(2, 1));
  assert.deepEqual(group.answers(1), [], "the earlier reply proves nothing");
  group.settle();
  assert.deepEqual(group.answers(1), [{ type: "readReady", read: 7, index: 1 }]);
});

test("dissertation §6.4 reads that come during a round share the next", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  for (let read = 1; read <= 10; read += 1) group.step(1, { type: "readIndex", read });
  group.settle();
  assert.equal(group.answers(1).length, 10);
  const rounds = group.lines.filter((line) => /^1>2 heartbeat .*round=[1-9]/.test(line));
  assert.equal(rounds.length, 2);
});

test("dissertation §6.4 a new leader serves no read before its no-op is committed", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.timeout(1);
  for (let round = 0; round < 4; round += 1) {
    for (const id of [1, 2, 3]) group.persist(id);
    if (group.core(1).view().role === "leader") break;
    group.deliver();
  }
  assert.equal(group.core(1).view().role, "leader");
  group.step(1, { type: "readIndex", read: 1 });
  group.tick(1, 3);
  group.deliver(({ type }) => type === "heartbeat");
  group.deliver(({ type }) => type === "heartbeatReply");
  assert.deepEqual(group.answers(1), []);
  group.settle();
  assert.deepEqual(group.answers(1), [{ type: "readReady", read: 1, index: 1 }]);
});

test("dissertation §6.4 a follower asks its leader, once for all reads that wait", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  propose(group, 1, "a");
  group.settle();
  for (let read = 1; read <= 5; read += 1) group.step(2, { type: "readIndex", read });
  group.settle();
  assert.deepEqual(
    group.answers(2),
    [1, 2, 3, 4, 5].map((read) => ({ type: "readReady", read, index: 2 })),
  );
  assert.equal(group.lines.filter((line) => line.startsWith("2>1 readIndexRequest")).length, 2);
});

test("dissertation §6.4 an answer to an earlier life of a follower answers no new read", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  group.step(2, { type: "readIndex", read: 1 });
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
  group.step(2, { type: "readIndex", read: 2 });
  for (const message of late) group.step(2, { type: "message", message });
  assert.deepEqual(group.answers(2), []);
  group.settle();
  assert.deepEqual(group.answers(2), [{ type: "readReady", read: 2, index: 2 }]);
});

test("dissertation §6.4 a read without a leader is refused after a while", () => {
  const group = new ManualGroup([1, 2, 3], { settings: { readTimeoutTicks: 5 } });
  group.step(1, { type: "readIndex", read: 1 });
  group.tick(1, 4);
  assert.deepEqual(group.answers(1), []);
  group.tick(1, 1);
  assert.deepEqual(group.answers(1), [
    { type: "readRefused", read: 1, reason: "noLeader", leader: 0 },
  ]);
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

test("dissertation §9.6 a lost connection to the leader starts an election at once, in turn", () => {
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

test("dissertation §10.2.1 the leader sends before its own write is done", () => {
  const group = new ManualGroup([1, 2, 3]);
  group.elect(1);
  propose(group, 1, "a");
  assert.equal(group.inFlight.filter(({ type }) => type === "appendEntries").length, 2);
  assert.equal(group.core(1).stableIndex, 1);
});
