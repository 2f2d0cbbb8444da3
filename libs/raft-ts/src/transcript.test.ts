import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runTranscript } from "./testing/transcript.ts";

/** Reviewed as code: `REWRITE=1` writes what the core does now, and the difference is read. */
const FOLDER = join(import.meta.dirname, "../../../test/data/raft");
const REWRITE = process.env["REWRITE"] === "1";

const names = readdirSync(FOLDER).filter((name) => name.endsWith(".txt"));

test("transcripts are found", () => {
  assert.ok(names.length >= 6, names.join(" "));
});

for (const name of names) {
  test(`runTranscript() gives ${name} as it is`, () => {
    const path = join(FOLDER, name);
    const text = readFileSync(path, "utf8");
    const now = runTranscript(text);
    if (REWRITE) writeFileSync(path, now);
    else assert.equal(now, text);
  });
}
