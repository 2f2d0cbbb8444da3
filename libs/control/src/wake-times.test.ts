/** Wake times against a map that is searched as a whole. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "@atoll/stdx";
import { WakeTimes } from "./wake-times.ts";

test("WakeTimes gives what a search of everything gives, for any history", () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const prng = new Prng(seed);
    const times = new WakeTimes<string>();
    const model = new Map<string, number>();
    let nowMs = 0;
    for (let step = 0; step < 5_000; step += 1) {
      const name = `n${prng.below(100)}`;
      const draw = prng.below(10);
      if (draw < 6) {
        const atMs = nowMs + prng.below(50);
        times.set(name, atMs);
        model.set(name, atMs);
      } else if (draw < 8) {
        times.delete(name);
        model.delete(name);
      } else {
        nowMs += prng.below(10);
        const due = [...model].filter(([, atMs]) => atMs <= nowMs).map(([each]) => each);
        const given = [...times.takeDue(nowMs)];
        assert.deepEqual(given.toSorted(), due.toSorted(), `seed ${seed}, step ${step}`);
        for (const each of due) model.delete(each);
      }
      assert.equal(times.size, model.size, `seed ${seed}, step ${step}`);
    }
  }
});

test("takeDue() gives the earliest first, and what was set again at its new time alone", () => {
  const times = new WakeTimes<string>();
  times.set("late", 30);
  times.set("early", 10);
  times.set("moved", 5);
  times.set("moved", 20);
  assert.deepEqual([...times.takeDue(9)], []);
  assert.deepEqual([...times.takeDue(25)], ["early", "moved"]);
  assert.deepEqual([...times.takeDue(30)], ["late"]);
});
