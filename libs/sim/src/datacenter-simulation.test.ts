import assert from "node:assert/strict";
import { test } from "node:test";
import { simulateDatacenter } from "./datacenter-simulation.ts";

const SEEDS = 60;
/** With so many seeds each of these faults must have happened, or the test shows nothing. */
const FAULTS_MIN = 20;

// Not fresh ones: seeds 60 and 69 show that time in the log may leap (docs/simulation.md).
const FROM = 880_000;

test("simulateDatacenter() holds its promises under sixty seeds", (context) => {
  const from = FROM;
  context.diagnostic(`npm run sim -- datacenter --seeds ${SEEDS} --from ${from}`);
  const faults = new Map<string, number>();
  let actions = 0;
  let facts = 0;
  let disruptions = 0;
  let storms = 0;
  let conflicts = 0;
  for (let seed = from; seed < from + SEEDS; seed += 1) {
    const result = simulateDatacenter(seed);
    assert.equal(result.failure, undefined, `seed ${seed}: ${result.failure?.stack}`);
    actions += result.actions;
    facts += result.facts;
    disruptions += result.disruptions;
    storms += result.storms;
    conflicts += result.conflicts;
    for (const [fault, count] of Object.entries(result.faults)) {
      faults.set(fault, (faults.get(fault) ?? 0) + count);
    }
  }
  for (const [fault, count] of faults)
    assert.ok(count >= FAULTS_MIN, `${fault} happened ${count} times`);
  assert.ok(actions > SEEDS * 5, `${actions} actions`);
  assert.ok(facts > SEEDS * 5, `${facts} facts`);
  assert.ok(disruptions > SEEDS, `${disruptions} disruptions`);
  assert.ok(storms > 1, `${storms} storms`);
  assert.ok(conflicts > 5, `${conflicts} conflicts`);
});

test("simulateDatacenter() replays a seed step by step", () => {
  const first = simulateDatacenter(20_261_121);
  assert.deepEqual(simulateDatacenter(20_261_121), first);
});
