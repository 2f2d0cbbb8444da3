/**
 * Replays the transcripts in test/data/planner: commands, `----`, and everything that came of them.
 *
 * With REWRITE=1 in the environment the answers are written anew; a difference is reviewed like
 * code.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { Story } from "./testing/story.ts";

const FOLDER = new URL("../../../test/data/planner/", import.meta.url);
const REWRITE = process.env["REWRITE"] === "1";

for (const name of readdirSync(FOLDER).filter((file) => file.endsWith(".txt"))) {
  test(`planner story: ${name.slice(0, -4)}`, () => {
    const path = new URL(name, FOLDER);
    const recorded = readFileSync(path, "utf8");
    const replayed = replay(recorded);
    if (REWRITE) writeFileSync(path, replayed);
    else assert.equal(replayed, recorded);
  });
}

test("planner stories are there", () => {
  const stories = readdirSync(FOLDER).filter((file) => file.endsWith(".txt"));
  assert.ok(stories.length >= 10, `${stories.length} stories`);
});

/** The transcript with every answer replaced by what happens now. */
function replay(transcript: string): string {
  const story = new Story();
  const blocks = transcript.trimEnd().split(/\n\n+/);
  const replayed = blocks.map((block) => {
    const lines = block.split("\n");
    if (lines.every((line) => line.startsWith("#"))) return block;
    const end = lines.indexOf("----");
    assert.ok(end >= 0, `no ---- in the block that begins with ${lines[0]}`);
    const commands = lines.slice(0, end);
    const answer = story.run(commands.filter((line) => !line.startsWith("#")));
    return `${[...commands, "----"].join("\n")}\n${answer}`.trimEnd();
  });
  return `${replayed.join("\n\n")}\n`;
}
