/** A fleet lives through every fault; heartbeats that are left out change nothing. */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { simulateFleet } from "./fleet-simulation.ts";

test("simulateFleet() holds its promises, whether or not heartbeats are left out", (context) => {
  const seed = randomInt(2 ** 31);
  // Nine great faults follow each other as closely as they may.
  const minutes = 18.5;
  context.diagnostic(`npm run sim -- fleet --nodes 800 --minutes ${minutes} --seed ${seed}`);
  const shape = { nodes: 800, minutes };
  const { heartbeats, ...some } = simulateFleet(seed, shape);
  const { failure, counts, faults, powerLosses } = some;
  assert.equal(failure, undefined, `seed ${seed}: ${failure?.stack}`);
  for (const [fault, count] of Object.entries(faults)) assert.ok(count > 0, `no ${fault}`);
  // One for each loss of power.
  assert.equal(powerLosses.length, 3);
  for (const loss of powerLosses) assert.equal(loss.sightsLost, 1, JSON.stringify(loss));
  assert.ok(powerLosses.some(({ nodes, actions }) => nodes >= 60 && actions >= 60));
  assert.equal(counts.sightsLost, 3);
  assert.equal(counts.storms, 0);
  assert.ok(counts.disruptedInRackMax > 1, `${counts.disruptedInRackMax} disrupted in a rack`);
  assert.ok(counts.nodesLost > 10 && counts.nodesLost <= counts.nodesReturned);
  context.diagnostic(`lost after ${counts.lostAfterMsMax} ms at most`);

  const every = simulateFleet(seed, { ...shape, everyHeartbeat: true });
  const { heartbeats: all, ...same } = every;
  assert.deepEqual(same, some);
  assert.ok(heartbeats * 4 < all, `${heartbeats} of ${all} heartbeats`);
});
