/**
 * The simulator still catches a handful of bugs that are put into the Raft packages.
 *
 * The whole list is run by `npm run mutants`.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

const LIMIT_MS = 120_000;

test("raft-mutations catches every mutation of its short form", (context) => {
  const script = join(import.meta.dirname, "../simulation/raft-mutations.ts");
  const run = spawnSync(process.execPath, ["--conditions=atoll-source", script, "--short"], {
    encoding: "utf8",
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  context.diagnostic(run.stdout.trimEnd().split("\n").at(-1) ?? "");
  assert.match(run.stdout, /^6 of 6 mutations caught/m, `${run.stdout}\n${run.stderr}`);
  assert.equal(run.status, 0);
});
