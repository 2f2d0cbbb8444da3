/** A fleet lives through every fault; heartbeats that are left out change nothing. */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { simulateFleet } from "./fleet-simulation.ts";

test("simulateFleet() holds its promises under a fresh seed", (context) => {
  const seed = randomInt(2 ** 31);
  context.diagnostic(`npm run sim -- fleet --nodes 2000 --hours 0.35 --seed ${seed}`);
  const { failure, counts, faults } = simulateFleet(seed, { nodes: 2_000, minutes: 21 });
  assert.equal(failure, undefined, `seed ${seed}: ${failure?.stack}`);
  for (const [fault, count] of Object.entries(faults)) assert.ok(count > 0, `no ${fault}`);
  // One for each loss of power.
  assert.equal(counts.sightsLost, 3);
  assert.equal(counts.storms, 0);
  assert.ok(counts.disruptedInRackMax > 1, `${counts.disruptedInRackMax} disrupted in a rack`);
  assert.ok(counts.nodesLost > 10 && counts.nodesLost <= counts.nodesReturned);
  context.diagnostic(`lost after ${counts.lostAfterMsMax} ms at most`);
});

test("simulateFleet() gives the same log whether or not heartbeats are left out", (context) => {
  const seed = randomInt(2 ** 31);
  context.diagnostic(`seed ${seed}`);
  const shape = { nodes: 800, minutes: 20 };
  const { heartbeats, ...some } = simulateFleet(seed, shape);
  const every = simulateFleet(seed, { ...shape, everyHeartbeat: true });
  assert.equal(some.failure, undefined, `seed ${seed}: ${some.failure?.stack}`);
  const { heartbeats: all, ...same } = every;
  assert.deepEqual(same, some);
  assert.ok(heartbeats * 4 < all, `${heartbeats} of ${all} heartbeats`);
});
