/** A process that stood still: the replica hears of it before its time goes on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { StallDetector } from "./stall-detector.ts";
import { ManualReplicas } from "./testing/manual-ports.ts";

const STALL_MS = 150;

/** What the replica hears after each of the gaps. */
function heard(gapsMs: readonly number[]): string[][] {
  let nowMs = 5_000;
  let words: string[] = [];
  const detector = new StallDetector({
    clock: { monotonicMs: () => nowMs },
    replica: { stalled: () => words.push("stalled"), tick: () => words.push("tick") },
    stallMs: STALL_MS,
    told: (gapMs) => words.push(`told ${gapMs}`),
  });
  return gapsMs.map((gapMs) => {
    words = [];
    nowMs += gapMs;
    detector.tick();
    return words;
  });
}

test("a gap above the bound is told before the next tick, once; a smaller one is not", () => {
  assert.deepEqual(heard([10, STALL_MS, 0, STALL_MS + 1, 10, 4_000, 10]), [
    ["tick"],
    ["tick"],
    ["tick"],
    ["told 151", "stalled", "tick"],
    ["tick"],
    ["told 4000", "stalled", "tick"],
    ["tick"],
  ]);
});

test("time before the first tick counts as well", () => {
  assert.deepEqual(heard([STALL_MS + 1]), [["told 151", "stalled", "tick"]]);
});

test("a leader that stood still does not lead when its time goes on", () => {
  const leader = new ManualReplicas([1, 2, 3]).elect(1);
  let nowMs = 0;
  const clock = { monotonicMs: (): number => nowMs };
  const detector = new StallDetector({ clock, replica: leader, stallMs: STALL_MS });
  nowMs += STALL_MS;
  detector.tick();
  assert.equal(leader.status().role, "leader");
  nowMs += STALL_MS + 1;
  detector.tick();
  assert.equal(leader.status().role, "follower");
});
