/** Stderr that takes no more. Without the log, whose parts may make it non-blocking too. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const END_MS_MAX = 10_000;
const SCRIPT = `
  import { STDERR, unblockStderr, writeNow } from "./stderr.ts";
  unblockStderr();
  writeNow(STDERR, "first\\n" + "x".repeat(1_000_000), 50);
  writeNow(STDERR, "second\\n", 50);
  process.stdout.write("ended");
`;

test("writeNow() gives up on a full pipe in time, and what fits is there", () => {
  const folder = mkdtempSync(join(tmpdir(), "atoll-stderr-"));
  const path = join(folder, "pipe");
  assert.equal(spawnSync("mkfifo", [path]).status, 0);
  const pipe = openSync(path, constants.O_RDWR);
  try {
    const args = ["--input-type=module", "--eval", SCRIPT];
    const child = spawnSync(process.execPath, args, {
      cwd: import.meta.dirname,
      stdio: ["ignore", "pipe", pipe],
      timeout: END_MS_MAX,
      encoding: "utf8",
    });
    assert.deepEqual([child.status, child.stdout], [0, "ended"]);
    const read = Buffer.alloc(8);
    readSync(pipe, read);
    assert.equal(read.toString(), "first\nxx");
  } finally {
    closeSync(pipe);
    rmSync(folder, { recursive: true });
  }
});
