/**
 * Histories of real replica processes that are killed, stopped, cut off, and whose disks are slow
 * or lie, in short.
 *
 * The long form is `npm run linearizability -- --minutes N`.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { DISK_FAULTS } from "../linearizability/disk-faults.ts";
import { runOnProcesses } from "../linearizability/run.ts";

const DURATION_MS = 12_000;
/** An older copy of a folder is noticed only while its leader stays. */
const ALWAYS_NOTICED = DISK_FAULTS.filter((fault) => fault !== "olderCopy");

test("registers on three processes stay linearizable under faults", async (context) => {
  const seed = randomInt(2 ** 31);
  const result = await runOnProcesses({ seed, durationMs: DURATION_MS });
  const { problems, operations, counts, faults, rebuilt, historyFile } = result;
  context.diagnostic(`seed ${seed}: ${operations} operations, ${JSON.stringify(counts)}`);
  context.diagnostic(`${JSON.stringify(faults)}, ${rebuilt} logs rebuilt`);
  assert.deepEqual(problems, [], `seed ${seed}, history in ${historyFile}`);
  assert.ok(operations > 200, `only ${operations} operations`);
  const struck = Object.values(faults).reduce((sum, count) => sum + count, 0);
  assert.ok(struck >= 8, `only ${struck} faults`);
  const damages = ALWAYS_NOTICED.reduce((sum, fault) => sum + faults[fault], 0);
  assert.ok(rebuilt >= damages, `${damages} damages, ${rebuilt} logs rebuilt`);
});
