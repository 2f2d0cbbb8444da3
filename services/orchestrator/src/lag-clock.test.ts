/** Lag in milliseconds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LagClock } from "./lag-clock.ts";

test("lagMs() says how long ago the log grew past an index", () => {
  const clock = new LagClock();
  clock.sample(10, 1_000);
  clock.sample(15, 1_020);
  clock.sample(20, 1_050);
  clock.sample(30, 1_100);
  assert.equal(clock.lagMs(30, 30, 1_200), 0);
  assert.equal(clock.lagMs(20, 30, 1_200), 100);
  assert.equal(clock.lagMs(10, 30, 1_200), 150);
  assert.equal(clock.lagMs(9, 30, 1_200), undefined);
  assert.equal(clock.lagMs(30, 31, 1_200), 0);
});

test("lagMs() forgets a log that was cut back", () => {
  const clock = new LagClock();
  clock.sample(100, 1_000);
  clock.sample(90, 2_000);
  clock.sample(95, 3_000);
  assert.equal(clock.lagMs(90, 95, 3_500), 500);
  assert.equal(clock.lagMs(80, 95, 3_500), undefined);
});
