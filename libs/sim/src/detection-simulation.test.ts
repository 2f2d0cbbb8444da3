/** Nobody who is there is declared lost, and who died is, at a tenth of messages lost. */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { simulateDetection } from "./detection-simulation.ts";

const CALM = { nodes: 120, scene: "calm" } as const;
const FAULTY = { nodes: 60, scene: "faults" } as const;
const RESTARTS = { nodes: 60, scene: "busRestarts" } as const;

test("simulateDetection() loses the dead in time and nobody else, at 10 % loss", (context) => {
  const from = randomInt(2 ** 31);
  context.diagnostic(`seeds from ${from}`);
  for (let seed = from; seed < from + 2; seed += 1) {
    const result = simulateDetection(seed, CALM);
    assert.equal(result.failure, undefined, `seed ${seed}: ${result.failure?.stack}`);
    assert.ok(result.lostAfterMs.length > 50, `${result.lostAfterMs.length} deaths`);
    const sorted = result.lostAfterMs.toSorted((left, right) => left - right);
    context.diagnostic(`lost after ${sorted[sorted.length >> 1]} ms, at most ${sorted.at(-1)} ms`);
  }
});

test("simulateDetection() loses the dead within 3 s when no message is lost", (context) => {
  const seed = randomInt(2 ** 31);
  const result = simulateDetection(seed, { ...CALM, lossPerMille: 0 });
  assert.equal(result.failure, undefined, `seed ${seed}: ${result.failure?.stack}`);
  context.diagnostic(`lost after at most ${Math.max(...result.lostAfterMs)} ms, seed ${seed}`);
});

test("simulateDetection() holds while replicas pause, stall, leap or are cut", (context) => {
  const from = randomInt(2 ** 31);
  context.diagnostic(`seeds from ${from}`);
  let faults = 0;
  for (let seed = from; seed < from + 12; seed += 1) {
    const result = simulateDetection(seed, FAULTY);
    assert.equal(result.failure, undefined, `seed ${seed}: ${result.failure?.stack}`);
    assert.ok(result.lostAfterMs.length > 10, `${result.lostAfterMs.length} deaths`);
    faults += result.faults;
  }
  assert.ok(faults > 60, `${faults} faults`);
});

test("simulateDetection() loses nobody while all agents come back to the bus", (context) => {
  const from = randomInt(2 ** 31);
  context.diagnostic(`seeds from ${from}`);
  for (let seed = from; seed < from + 3; seed += 1) {
    const result = simulateDetection(seed, RESTARTS);
    assert.equal(result.failure, undefined, `seed ${seed}: ${result.failure?.stack}`);
    assert.ok(result.faults >= 3, `${result.faults} restarts`);
  }
});

test("simulateDetection() replays a seed step by step", () => {
  const options = { nodes: 10, scene: "faults" } as const;
  assert.deepEqual(simulateDetection(7, options), simulateDetection(7, options));
});
