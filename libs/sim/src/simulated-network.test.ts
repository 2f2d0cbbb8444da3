import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "@atoll/stdx";
import { SimulatedNetwork } from "./simulated-network.ts";
import { VirtualClock } from "./virtual-clock.ts";

test("SimulatedNetwork.slow() slows one direction of one link, until it is healed", () => {
  const clock = new VirtualClock();
  const arrivals: string[] = [];
  const network = new SimulatedNetwork<string>({
    clock,
    prng: new Prng(1),
    deliver: (from, to) => {
      const late = clock.nowUs % 1_000_000 >= 200_000;
      arrivals.push(`${from}>${to} ${late ? "late" : "soon"}`);
    },
  });
  const round = (): string[] => {
    for (const [from, to] of [
      [1, 2],
      [2, 1],
      [1, 3],
    ] as const) {
      network.send(from, to, "word");
    }
    clock.runUntil(Math.ceil((clock.nowUs + 1) / 1_000_000) * 1_000_000);
    return arrivals.splice(0).toSorted();
  };
  network.slow(1, 2, 200_000);
  assert.deepEqual(round(), ["1>2 late", "1>3 soon", "2>1 soon"]);
  network.healAll();
  assert.deepEqual(round(), ["1>2 soon", "1>3 soon", "2>1 soon"]);
});
