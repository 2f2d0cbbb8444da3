import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { Prng } from "@atoll/stdx";
import { membershipOf } from "raft-ts";
import { RaftGroup } from "./raft-group.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** Failovers of each kind; the worst counts. */
const ROUNDS = 200;

interface Measured {
  readonly worstMs: number;
  readonly medianMs: number;
}

/** Time from the moment `fail` strikes the leader to the first write that another commits. */
function measure(seed: number, fail: (group: RaftGroup, leader: number) => void): Measured {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const prng = new Prng(seed + round);
    const clock = new VirtualClock();
    const group = new RaftGroup({ clock, prng, membership: membershipOf([1, 2, 3]), settings: {} });
    clock.runUntil(1_000_000 + prng.below(100_000), () => false);
    const leader = group.leader()?.id;
    assert.ok(leader !== undefined, `seed ${seed + round}: no leader after a second`);
    fail(group, leader);
    const struckUs = clock.nowUs;
    let done = false;
    const attempt = (): void => {
      const next = group.leader();
      if (done || clock.nowUs > struckUs + 5_000_000) return;
      clock.schedule(1_000, attempt);
      if (next === undefined || next.id === leader) return;
      group.use(next.id, (replica) => {
        replica.propose([new Uint8Array(4)], ({ type }) => (done ||= type === "committed"));
      });
    };
    attempt();
    clock.runUntil(struckUs + 5_000_000, () => done);
    assert.ok(done, `seed ${seed + round}: no failover`);
    times.push((clock.nowUs - struckUs) / 1000);
  }
  times.sort((left, right) => left - right);
  return { worstMs: times.at(-1) as number, medianMs: times[times.length >> 1] as number };
}

test("a killed leader is replaced within 300 ms, the worst of all", (context) => {
  const seed = randomInt(2 ** 31);
  const { worstMs, medianMs } = measure(seed, (group, leader) => group.crash(leader, true));
  context.diagnostic(`seed ${seed}: median ${medianMs} ms, worst ${worstMs} ms of ${ROUNDS}`);
  assert.ok(worstMs <= 300, `seed ${seed}: ${worstMs} ms`);
  assert.ok(medianMs <= 60, `seed ${seed}: ${medianMs} ms`);
});

test("a stopped leader is replaced within 800 ms, the worst of all", (context) => {
  const seed = randomInt(2 ** 31);
  const { worstMs, medianMs } = measure(seed, (group, leader) => group.pause(leader));
  context.diagnostic(`seed ${seed}: median ${medianMs} ms, worst ${worstMs} ms of ${ROUNDS}`);
  assert.ok(worstMs <= 800, `seed ${seed}: ${worstMs} ms`);
});
