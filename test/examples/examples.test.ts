/** The examples that the READMEs name run as they are and say what they should. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "../..");
const DEADLINE_MS = 60_000;

async function run(example: string): Promise<string> {
  const words = ["--conditions=atoll-source", join(root, example)];
  const { stdout } = await promisify(execFile)(process.execPath, words, { timeout: DEADLINE_MS });
  return stdout;
}

test("raft-three-replicas.ts applies the same on all three", async () => {
  const said = await run("test/examples/raft-three-replicas.ts");
  assert.match(said, /leads in term 1\n/);
  assert.equal(said.match(/has applied one, two, three\n/g)?.length, 3);
});

test("raft-counter.ts reads the same everywhere, and goes on without its leader", async () => {
  const said = await run("test/examples/raft-counter.ts");
  assert.equal(said.match(/reads 500500\n/g)?.length, 3);
  assert.equal(said.match(/reads 501000\n/g)?.length, 2);
});
