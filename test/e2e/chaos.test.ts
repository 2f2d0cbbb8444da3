/**
 * The short form of `npm run chaos`: every fault once on real processes, and the account of it.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { runChaos } from "../chaos/run.ts";

const DURATION_MS = 20_000;

test("nothing is lost, repeated or unfenced while everything breaks", async (context) => {
  const seed = randomInt(2 ** 31);
  const report = (line: string): void => context.diagnostic(line);
  const result = await runChaos({ seed, durationMs: DURATION_MS, agents: 3, nats: 1, report });
  assert.deepEqual(result.problems, []);
  assert.ok(result.facts > 0 && result.actions > 0 && result.writes > 0);
});
