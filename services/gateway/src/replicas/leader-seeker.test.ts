/**
 * Who is believed to lead, and how long the search waits for whom.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GetStatusResponse } from "@atoll/proto/atoll/replica/v1/orchestrator";
import { systemClock } from "@atoll/service-kit";
import { LeaderSeeker, type SeekResult, type StatusSource } from "./leader-seeker.ts";
import type { StatusAnswer } from "./replica-clients.ts";

interface Replica {
  readonly role: "leader" | "follower" | "silent";
  readonly term: number;
  /** How many turns of the loop it takes to answer; Infinity: it is stopped and never does. */
  readonly turns: number;
}

function sourceOf(replicas: readonly Replica[]): StatusSource {
  return {
    ids: replicas.map((_, at) => at + 1),
    majority: Math.floor(replicas.length / 2) + 1,
    async status(id): Promise<StatusAnswer> {
      const replica = replicas[id - 1] as Replica;
      if (replica.turns === Infinity) await new Promise(() => {});
      for (let turn = 0; turn < replica.turns; turn += 1) await new Promise(setImmediate);
      if (replica.role === "silent") return { type: "silent", reason: "dead" };
      const { role, term } = replica;
      return { type: "answered", status: { ...GetStatusResponse.create(), id, role, term } };
    },
  };
}

function seek(replicas: readonly Replica[]): Promise<SeekResult> {
  const seeker = new LeaderSeeker(sourceOf(replicas), systemClock);
  return new Promise((found) => {
    seeker.seek({ wanted: () => true, found });
  });
}

test("LeaderSeeker believes the newest term, in whatever order claims arrive", async () => {
  const old: Replica = { role: "leader", term: 4, turns: 1 };
  const present: Replica = { role: "leader", term: 5, turns: 1 };
  const follower: Replica = { role: "follower", term: 5, turns: 1 };
  for (const delays of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
    [0, 2, 1],
  ]) {
    const replicas = [old, present, follower].map((replica, at) => {
      return { ...replica, turns: delays[at] as number };
    });
    assert.equal((await seek(replicas)).leader, 2, JSON.stringify(delays));
  }
});

test("LeaderSeeker needs a majority and does not wait for one that is stopped", async () => {
  const result = await seek([
    { role: "silent", term: 0, turns: Infinity },
    { role: "leader", term: 3, turns: 0 },
    { role: "follower", term: 3, turns: 2 },
  ]);
  assert.deepEqual([result.leader, result.term], [2, 3]);
});

test("LeaderSeeker asks until somebody leads or nobody wants to know", async () => {
  const replica = { role: "follower" as "leader" | "follower", term: 1, turns: 0 };
  const seeker = new LeaderSeeker(sourceOf([replica]), systemClock);
  let asked = 0;
  await new Promise<SeekResult>((found) => {
    const wanted = (): boolean => {
      asked += 1;
      if (asked === 3) replica.role = "leader";
      return true;
    };
    seeker.seek({ wanted, found });
  });
  assert.equal(asked, 3);
  replica.role = "follower";
  await new Promise<void>((resolve) => {
    seeker.seek({
      wanted: () => {
        resolve();
        return false;
      },
      found: () => assert.fail("nobody leads"),
    });
  });
  await new Promise(setImmediate);
  assert.equal(seeker.running, false);
  assert.match(seeker.account, /replica 1 is follower in term 1/);
});
