/** Delays double up to their bound, spread over half a step, and begin anew. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "./backoff.ts";

test("Backoff doubles up to its bound and draws from the upper half of each step", () => {
  const backoff = new Backoff({ firstMs: 100, mostMs: 1_500 }, 7);
  const steps = [100, 200, 400, 800, 1_500, 1_500, 1_500];
  for (const step of steps) {
    const delay = backoff.nextMs();
    assert.ok(delay >= step / 2 && delay <= step, `${delay} in the step of ${step}`);
  }
  backoff.reset();
  assert.ok(backoff.nextMs() <= 100);
});

test("Backoff spreads clients that fail at the same moment", () => {
  const delays = new Set<number>();
  for (let seed = 0; seed < 200; seed += 1) {
    delays.add(new Backoff({ firstMs: 1_000, mostMs: 1_000 }, seed).nextMs());
  }
  assert.ok(delays.size > 120, `${delays.size} different delays of 200`);
});
