/** The examples print what the README of raft-ts shows, by the commands that it shows. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "../..");
const readme = readFileSync(join(root, "libs/raft-ts/README.md"), "utf8");
const DEADLINE_MS = 60_000;

/** What `npm run example -- NAME` runs. */
async function run(name: string): Promise<string> {
  const words = [join(root, "scripts/run.mjs"), "example", name];
  const { stdout } = await promisify(execFile)(process.execPath, words, { timeout: DEADLINE_MS });
  return stdout;
}

/** The lines that the README has below the command. */
function shown(name: string): string {
  const [, output] = readme.split(`\`\`\`\n$ npm run example -- ${name}\n`);
  assert.ok(output !== undefined, `the README does not show ${name}`);
  return output.slice(0, output.indexOf("```"));
}

/** Who leads, when, and how often is up to the clock. */
function withoutLeaders(output: string): string[] {
  const lines = output.split("\n").filter((line) => !line.includes("leads in term"));
  return lines.map((line) => line.replace(/^replica [123]/, "replica N"));
}

test("raft-three-replicas.ts prints what the README shows", async () => {
  assert.equal(await run("raft-three-replicas"), shown("raft-three-replicas"));
});

test("raft-counter.ts prints what the README shows, whoever leads", async () => {
  const said = await run("raft-counter");
  assert.deepEqual(withoutLeaders(said), withoutLeaders(shown("raft-counter")));
  assert.match(said, /^replica [123] leads in term [0-9]+\n/);
  assert.match(said, /stops\nreplica [123] leads in term [0-9]+\n/);
});
