/** When bytes arrive, by the conditions alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "@atoll/stdx";
import { Lane } from "./lane.ts";

const DRAWS = 20_000;

function laneWith(conditions: Parameters<Lane["change"]>[0], seed = 1): Lane {
  const lane = new Lane(new Prng(seed));
  lane.change(conditions);
  return lane;
}

test("arrivalMs() of a whole lane is now", () => {
  assert.equal(laneWith({}).arrivalMs(1_000_000, 5), 5);
});

test("arrivalMs() adds the delay after the line has sent what came before", () => {
  const lane = laneWith({ delayMs: 80, bytesPerSecond: 1_000 });
  assert.equal(lane.arrivalMs(500, 0), 580);
  assert.equal(lane.arrivalMs(500, 0), 1_080);
  assert.equal(lane.arrivalMs(500, 2_000), 2_580);
  lane.change({ bytesPerSecond: 0 });
  assert.equal(lane.arrivalMs(500, 2_000), 2_080);
});

test("arrivalMs() adds a retransmission's wait for as many segments as the share says", () => {
  const lane = laneWith({ delayMs: 50, lossPpm: 10_000 });
  const waits = Array.from({ length: DRAWS }, () => lane.arrivalMs(1_448, 0) - 50);
  // 200 ms and a round trip; three times that where the second attempt was lost too.
  const kinds = new Set(waits);
  assert.ok(kinds.has(0) && kinds.has(300), [...kinds].join());
  for (const wait of kinds) assert.ok([0, 300, 900, 2_100].includes(wait), String(wait));
  const late = waits.filter((wait) => wait > 0).length / DRAWS;
  assert.ok(Math.abs(late - 0.01) < 0.003, String(late));
});

test("arrivalMs() of many segments waits for the worst of them", () => {
  const lane = laneWith({ lossPpm: 10_000 });
  const late = Array.from({ length: DRAWS }, () => lane.arrivalMs(65_536, 0)).filter(Boolean);
  const share = late.length / DRAWS;
  assert.ok(Math.abs(share - (1 - 0.99 ** 46)) < 0.02, String(share));
});

test("arrivalMs() loses the same segments for the same seed", () => {
  const draw = (seed: number): number[] => {
    const lane = laneWith({ lossPpm: 100_000 }, seed);
    return Array.from({ length: 200 }, () => lane.arrivalMs(100, 0));
  };
  assert.deepEqual(draw(3), draw(3));
  assert.notDeepEqual(draw(3), draw(4));
});
