import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { addCounters, noCounters, RAFT_COUNTERS } from "./raft-counters.ts";
import { simulateRaft } from "./raft-simulation.ts";

/** Enough for every counter to be hit, in some seconds. */
const SEEDS = 200;
/** No new seed is begun after this long, whatever the machine. */
const BUDGET_MS = 20_000;

test("simulateRaft() keeps every promise on fresh seeds and reaches every case", (context) => {
  const first = randomInt(2 ** 31);
  const sum = noCounters();
  const failures: string[] = [];
  const started = performance.now();
  let seeds = 0;
  let steps = 0;
  for (; seeds < SEEDS && performance.now() - started < BUDGET_MS; seeds += 1) {
    const result = simulateRaft(first + seeds);
    addCounters(sum, result.counters);
    steps += result.steps;
    if (result.failure !== undefined) {
      failures.push(`seed ${result.seed}: ${result.failure.message}`);
    }
  }
  context.diagnostic(`${seeds} seeds from ${first}, ${steps} steps: ${JSON.stringify(sum)}`);
  assert.deepEqual(failures, [], "replay one with: npm run sim -- --seeds 1 --from SEED");
  const never = RAFT_COUNTERS.filter((name) => sum[name] === 0);
  // A slow machine may not get far enough to ask for every case.
  if (seeds === SEEDS) assert.deepEqual(never, [], `never reached in ${seeds} seeds from ${first}`);
});

test("simulateRaft() replays a seed bit for bit, also after other seeds", () => {
  const seed = 20_261_121;
  const first = simulateRaft(seed);
  simulateRaft(seed + 1);
  const second = simulateRaft(seed);
  assert.deepEqual(second, first);
  assert.notEqual(simulateRaft(seed + 1).digest, first.digest);
});
