import assert from "node:assert/strict";
import { test } from "node:test";
import { GetStatusResponse } from "@atoll/proto/atoll/replica/v1/orchestrator";
import { AddressFinder } from "./address-finder.ts";

const SEED = "10.0.0.4:7500";
const ALONE = { leader: 0, appliedIndex: 0, addresses: [SEED] };

/** A finder, what it asked, and how to answer it. */
function finderWith(answers: readonly GetStatusResponse[] | Error): {
  readonly finder: AddressFinder;
  readonly asked: (readonly string[])[];
} {
  const asked: (readonly string[])[] = [];
  const finder = new AddressFinder({
    ask: (addresses) => {
      asked.push(addresses);
      return answers instanceof Error ? Promise.reject(answers) : Promise.resolve(answers);
    },
  });
  return { finder, asked };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("look() asks once nobody has led for a while, and tells until it is known here", async () => {
  const newest = { addresses: { 4: SEED, 5: "10.0.0.5:7500" }, appliedIndex: 70 };
  const { finder, asked } = finderWith([GetStatusResponse.fromPartial(newest)]);
  assert.equal(finder.look(0, ALONE).size, 0);
  assert.equal(asked.length, 0, "an election is under way perhaps");
  finder.look(500, ALONE);
  assert.deepEqual(asked, [[SEED]]);
  await settled();
  const told = finder.look(600, ALONE);
  assert.deepEqual(
    [...told],
    [
      [4, SEED],
      [5, "10.0.0.5:7500"],
    ],
  );
  const led = { ...ALONE, leader: 5, appliedIndex: 69 };
  assert.equal(finder.look(700, led).size, 2, "the state may not name the leader yet");
  assert.equal(finder.look(800, { ...led, appliedIndex: 70 }).size, 0);
  assert.equal(asked.length, 1);
});

test("look() asks again once a second, and never while somebody leads", async () => {
  for (const answers of [[], new Error("nobody there")]) {
    const { finder, asked } = finderWith(answers);
    for (let nowMs = 0; nowMs < 3_500; nowMs += 100) {
      finder.look(nowMs, ALONE);
      await settled();
    }
    assert.equal(asked.length, 3);
    for (let nowMs = 3_500; nowMs < 9_000; nowMs += 100)
      finder.look(nowMs, { ...ALONE, leader: 2 });
    assert.equal(asked.length, 3);
  }
});
