/**
 * Safety and availability under failures in the Raft paper (§5.4.3, §5.5, §5.6). Each test names
 * its section.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "./message.ts";
import { ManualGroup } from "./testing/manual-group.ts";
import { beat, propose } from "./testing/membership-steps.ts";

const THREE = [1, 2, 3];
const FIVE = [1, 2, 3, 4, 5];

/** All sets of three of five. */
const MAJORITIES = FIVE.flatMap((first) =>
  FIVE.flatMap((second) =>
    FIVE.filter((third) => first < second && second < third).map((third) => [first, second, third]),
  ),
);

function logOf(group: ManualGroup, id: number): string[] {
  return group.durable(id).map(({ index, term, data }) => `${index}/${term} ${data.join(",")}`);
}

test("§5.4.3 figure 9: who has not what is committed cannot be elected, by any majority", () => {
  let elected = 0;
  for (const holders of MAJORITIES) {
    // Entry 2 is committed: the leader of term 1 has it on these three.
    const logs = new Map(
      FIVE.map((id) => [id, { terms: holders.includes(id) ? [1, 1] : [1] }] as const),
    );
    for (const voters of MAJORITIES) {
      for (const candidate of voters) {
        const group = new ManualGroup(FIVE, { logs });
        const others = FIVE.filter((id) => !voters.includes(id));
        group.step(candidate, { type: "campaign" });
        group.settle(others);
        const { role } = group.core(candidate).view();
        assert.equal(role === "leader", holders.includes(candidate), `${holders}: ${candidate}`);
        if (role !== "leader") continue;
        elected += 1;
        group.inFlight = [];
        beat(group, candidate);
        beat(group, candidate);
        for (const id of FIVE) assert.deepEqual(logOf(group, id).slice(0, 2), ["1/1 1", "2/1 1"]);
      }
    }
  }
  assert.equal(elected, 10 * 18);
});

test("§5.5 a follower that crashed is asked again until it answers", () => {
  const group = new ManualGroup(THREE);
  group.elect(1);
  for (let at = 0; at < 5; at += 1) {
    propose(group, 1, `a${at}`);
    group.restart(2);
    for (let round = 0; round < 10; round += 1) beat(group, 1, [2]);
    assert.ok(group.drop(({ to }) => to === 2) >= 10, "it is asked all the time");
  }
  assert.equal(group.core(2).view().lastIndex, 1);
  beat(group, 1);
  beat(group, 1);
  assert.deepEqual(logOf(group, 2), logOf(group, 1));
  assert.equal(group.core(2).committedIndex, 6);
});

test("§5.5 a follower that crashed before it answered gets the same again, and keeps one", () => {
  const group = new ManualGroup(THREE);
  group.elect(1, [3]);
  propose(group, 1, "a", "b");
  group.deliver(({ to }) => to === 2);
  group.persist(2);
  // It has written, and its answer is lost with it.
  assert.equal(
    group.drop(({ from }) => from === 2),
    1,
  );
  group.persist(1);
  group.restart(2);
  assert.equal(group.core(1).committedIndex, 1);
  const before = logOf(group, 2);
  assert.equal(before.length, 3);
  for (let round = 0; round < 3; round += 1) beat(group, 1, [3]);
  assert.deepEqual(logOf(group, 2), before);
  assert.deepEqual([group.core(1).committedIndex, group.core(2).committedIndex], [3, 3]);
});

test("§5.5 a candidate that crashed has spent its vote, and asks in the next term", () => {
  const group = new ManualGroup(THREE);
  group.timeout(1);
  group.deliver();
  group.deliver();
  group.persist(1);
  group.drop(() => true);
  group.restart(1);
  assert.deepEqual([group.core(1).view().term, group.core(1).view().vote], [1, 1]);
  const position = { index: 0, term: 0 };
  const asks = { from: 2, to: 1, term: 1, preVote: false, leaderTransfer: false } as const;
  const request = { type: "requestVote", ...asks, lastLog: position, applied: position } as const;
  group.step(1, { type: "message", message: request });
  const reply = group.inFlight[0];
  assert.equal(reply?.type, "requestVoteReply");
  assert.equal(reply.granted, false);
  group.drop(() => true);
  group.elect(1);
  assert.equal(group.core(1).view().term, 2);
});

test("§5.5 requests and answers that come again change nothing", () => {
  const play = (copies: 1 | 2): unknown => {
    const group = new ManualGroup(THREE, { settings: { writesInFlightMax: 4 } });
    const sent: Message[] = [];
    const arrive = (message: Message): void => {
      const { lastIndex } = group.core(message.to).view();
      group.step(message.to, { type: "message", message });
      assert.ok(group.core(message.to).view().lastIndex >= lastIndex, "nothing is cut");
    };
    const settle = (): void => {
      for (let round = 0; round < 20; round += 1) {
        for (const id of THREE) group.persist(id);
        const due = group.inFlight;
        group.inFlight = [];
        sent.push(...due);
        // Copies of the first come behind the last.
        for (const message of copies === 2 ? [...due, ...due.toReversed()] : due) arrive(message);
      }
    };
    group.tick(1, 30);
    settle();
    for (const text of ["a", "b"]) propose(group, 1, text);
    settle();
    if (copies === 2) for (const message of sent.filter(({ to }) => to !== 1)) arrive(message);
    settle();
    return THREE.map((id) => {
      const { term, vote, lastIndex, committedIndex } = group.core(id).view();
      const applied = group.applied(id).map(({ index }) => index);
      return { term, vote, lastIndex, committedIndex, applied, log: logOf(group, id) };
    });
  };
  const once = play(1);
  assert.match(JSON.stringify(once), /"term":1,"vote":1,"lastIndex":3,"committedIndex":3/);
  assert.deepEqual(play(2), once);
});

/** Time passes for all, and every message takes `delayTicks`. */
function passDelayed(
  group: ManualGroup,
  ids: readonly number[],
  ticks: number,
  delayTicks: number,
): void {
  const onTheWay: { readonly dueTick: number; readonly message: Message }[] = [];
  for (let now = 0; now < ticks; now += 1) {
    for (const id of ids) {
      group.tick(id);
      group.persist(id);
    }
    for (const message of group.inFlight) onTheWay.push({ dueTick: now + delayTicks, message });
    group.inFlight = [];
    while ((onTheWay[0]?.dueTick ?? ticks) <= now) {
      const message = onTheWay.shift()?.message as Message;
      group.step(message.to, { type: "message", message });
    }
  }
}

test("§5.6 a leader stays while messages take less than the election timeout", () => {
  for (const delayTicks of [0, 1, 5, 7]) {
    const group = new ManualGroup(FIVE);
    group.elect(1);
    passDelayed(group, FIVE, 1_000, delayTicks);
    const known = FIVE.map((id) => [group.core(id).view().leader, group.core(id).view().term]);
    assert.deepEqual(known, Array(5).fill([1, 1]), `${delayTicks} ticks`);
  }
});

test("§5.6 messages slower than the timeout cost availability, never what is committed", () => {
  const group = new ManualGroup(FIVE);
  group.elect(1);
  propose(group, 1, "kept");
  group.settle();
  passDelayed(group, FIVE, 2_000, 45);
  const leaders = FIVE.filter((id) => group.core(id).view().role === "leader");
  assert.deepEqual(leaders, [], "nobody hears votes or followers in time");
  group.inFlight = [];
  passDelayed(group, FIVE, 200, 1);
  const { leader } = group.core(1).view();
  propose(group, leader, "new");
  passDelayed(group, FIVE, 20, 1);
  for (const id of FIVE) {
    const applied = group.applied(id).filter(({ type }) => type === "data");
    assert.deepEqual(
      applied.map(({ data }) => String.fromCharCode(...data)),
      ["kept", "new"],
    );
  }
});

test("§5.6 a leader that crashes is replaced within three election timeouts", () => {
  const group = new ManualGroup(FIVE);
  group.elect(1);
  let slowestTicks = 0;
  for (let round = 0; round < 40; round += 1) {
    const dead = group.core(FIVE.find((id) => group.core(id).view().role === "leader") ?? 1);
    const deadId = dead.view().id;
    group.linked = (from, to) => from !== deadId && to !== deadId;
    const others = FIVE.filter((id) => id !== deadId);
    const leads = (): boolean => others.some((id) => group.core(id).view().role === "leader");
    let ticks = 0;
    for (; !leads() && ticks < 1_000; ticks += 1) passDelayed(group, others, 1, 0);
    slowestTicks = Math.max(slowestTicks, ticks);
    group.restart(deadId);
    group.linked = (): boolean => true;
    passDelayed(group, FIVE, 40, 0);
  }
  assert.ok(slowestTicks <= 3 * 30, `${slowestTicks} ticks`);
});
