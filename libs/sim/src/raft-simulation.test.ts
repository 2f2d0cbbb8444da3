import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { addCounters, noCounters, RAFT_COUNTERS, type RaftCounters } from "./raft-counters.ts";
import { simulateRaft, undecidedMax } from "./raft-simulation.ts";

/** Enough for every counter to be hit, in some seconds. */
const FIRST = 1_961_622_763;
const SEEDS = 200;
/** Seeds that no run has had before; many more go through `npm run sim`. */
const FRESH_SEEDS = 200;

interface Run {
  readonly counters: RaftCounters;
  readonly failures: readonly string[];
}

function runSeeds(first: number, count: number): Run {
  const counters = noCounters();
  const failures: string[] = [];
  const undecided: number[] = [];
  for (let seed = first; seed < first + count; seed += 1) {
    const result = simulateRaft(seed);
    addCounters(counters, result.counters);
    if (result.failure !== undefined) failures.push(`seed ${seed}: ${result.failure.message}`);
    if (result.isUndecided) undecided.push(seed);
  }
  assert.ok(undecided.length <= undecidedMax(count), `undecided: ${undecided.join(", ")}`);
  return { counters, failures };
}

test("simulateRaft() keeps every promise and reaches every case", () => {
  const { counters, failures } = runSeeds(FIRST, SEEDS);
  assert.deepEqual(failures, [], "replay one with: npm run sim -- --seeds 1 --from SEED");
  const never = RAFT_COUNTERS.filter((name) => counters[name] === 0);
  assert.deepEqual(never, [], `never reached in ${SEEDS} seeds from ${FIRST}`);
});

test("simulateRaft() keeps every promise on fresh seeds", (context) => {
  const first = randomInt(2 ** 31);
  context.diagnostic(`${FRESH_SEEDS} seeds from ${first}`);
  const { failures } = runSeeds(first, FRESH_SEEDS);
  assert.deepEqual(failures, [], "replay one with: npm run sim -- --seeds 1 --from SEED");
});

test("undecidedMax() allows a few, and of many one in a hundred", () => {
  assert.deepEqual([1, 500, 599, 600, 12_345].map(undecidedMax), [5, 5, 5, 6, 123]);
});

test("simulateRaft() replays a seed bit for bit, also after other seeds", () => {
  const seed = 20_261_121;
  const first = simulateRaft(seed);
  simulateRaft(seed + 1);
  const second = simulateRaft(seed);
  assert.deepEqual(second, first);
  assert.notEqual(simulateRaft(seed + 1).digest, first.digest);
});
