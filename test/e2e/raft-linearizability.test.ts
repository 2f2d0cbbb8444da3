/**
 * Histories of real replica processes that are killed, stopped, cut off and slowed down, in short.
 *
 * The long form is `npm run linearizability -- --minutes N`.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { runOnProcesses } from "../linearizability/run.ts";

const DURATION_MS = 14_000;

test("registers on three processes stay linearizable under faults", async (context) => {
  const seed = randomInt(2 ** 31);
  const result = await runOnProcesses({ seed, durationMs: DURATION_MS });
  const { problems, operations, counts, faults, historyFile } = result;
  context.diagnostic(`seed ${seed}: ${operations} operations, ${JSON.stringify(counts)}`);
  context.diagnostic(JSON.stringify(faults));
  assert.deepEqual(problems, [], `seed ${seed}, history in ${historyFile}`);
  assert.ok(operations > 200, `only ${operations} operations`);
  const struck = Object.values(faults).reduce((sum, count) => sum + count, 0);
  assert.ok(struck >= 8, `only ${struck} faults`);
});
