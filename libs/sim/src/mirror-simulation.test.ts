import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { simulateMirrors } from "./mirror-simulation.ts";

const SEEDS = 60;
/** With so many seeds each of these must have happened, or the test shows nothing. */
const FAULTS_MIN = 8;

test("simulateMirrors() keeps mirrors equal to the home under fresh seeds", (context) => {
  const from = randomInt(2 ** 31);
  context.diagnostic(`${SEEDS} seeds from ${from}`);
  const faults = new Map<string, number>();
  const sums = { entries: 0, restores: 0, verified: 0, divergences: 0 };
  for (let seed = from; seed < from + SEEDS; seed += 1) {
    const result = simulateMirrors(seed);
    assert.equal(result.failure, undefined, `seed ${seed}: ${result.failure?.stack}`);
    for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += result[key];
    for (const [fault, count] of Object.entries(result.faults)) {
      faults.set(fault, (faults.get(fault) ?? 0) + count);
    }
  }
  for (const [fault, count] of faults)
    assert.ok(count >= FAULTS_MIN, `${fault} happened ${count} times`);
  for (const [what, count] of Object.entries(sums))
    assert.ok(count >= FAULTS_MIN, `${what}: ${count}`);
});
