/** The line diff, against the plainest check there is: applying it gives the other text. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DIFF_LENGTH_MAX } from "@atoll/domain";
import { Prng } from "@atoll/stdx";
import { unifiedDiff } from "./line-diff.ts";

test("unifiedDiff() of equal texts is empty", () => {
  assert.equal(unifiedDiff("a\nb\n", "a\nb\n"), "");
});

test("unifiedDiff() shows changed lines with their surroundings", () => {
  const wanted = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
  assert.equal(
    unifiedDiff(wanted, wanted.replace("5", "five")),
    "--- wanted\n+++ found\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n",
  );
});

test("unifiedDiff() tells a text without a last newline", () => {
  assert.equal(
    unifiedDiff("a\n", "a"),
    "--- wanted\n+++ found\n@@ -1,1 +1,1 @@\n-a\n+a\n\\ No newline at end of file\n",
  );
});

test("unifiedDiff() applied to what was wanted gives what was found", () => {
  const random = new Prng(7);
  for (let round = 0; round < 2_000; round += 1) {
    const wanted = randomText(random);
    const found = random.chance(1, 4) ? randomText(random) : edit(random, wanted);
    assert.equal(apply(wanted, unifiedDiff(wanted, found)), found, `round ${round}`);
  }
});

test("unifiedDiff() stays within its length and says how much it left out", () => {
  const wanted = Array.from({ length: 3_000 }, (_, at) => `line ${at}\n`).join("");
  const diff = unifiedDiff(wanted, wanted.replaceAll("line", "LINE"));
  assert.ok(diff.length <= DIFF_LENGTH_MAX);
  assert.match(diff, /… \d+ more lines\n$/);
});

function randomText(random: Prng): string {
  const lines = Array.from({ length: random.below(30) }, () => `${random.below(6)}`);
  const text = lines.map((line) => `${line}\n`).join("");
  return random.chance(1, 3) ? text.slice(0, -1) : text;
}

function edit(random: Prng, text: string): string {
  const lines = text.split("\n");
  for (let edits = random.below(4); edits >= 0; edits -= 1) {
    lines.splice(
      random.below(lines.length + 1),
      random.below(2),
      ...(random.chance(1, 2) ? ["x"] : []),
    );
  }
  return lines.join("\n");
}

/** A patch program in small. */
function apply(wanted: string, diff: string): string {
  if (diff === "") return wanted;
  const source = wanted.split("\n");
  const lines = diff.split("\n").slice(2, -1);
  const result: string[] = [];
  let at = 0;
  let ends = wanted.endsWith("\n") || wanted === "";
  for (const [index, line] of lines.entries()) {
    const hunk = /^@@ -(\d+),(\d+) /.exec(line);
    if (hunk !== null) {
      const start = Number(hunk[2]) === 0 ? Number(hunk[1]) : Number(hunk[1]) - 1;
      while (at < start) result.push(source[at++] as string);
      continue;
    }
    if (line.startsWith("\\")) {
      if (lines[index - 1]?.startsWith("-") !== true) ends = false;
      else ends = true;
      continue;
    }
    if (!line.startsWith("+")) {
      assert.equal(line.slice(1), source[at], `context at line ${at + 1}`);
      at += 1;
    }
    if (!line.startsWith("-")) result.push(line.slice(1));
  }
  const rest = wanted.endsWith("\n") ? source.slice(at, -1) : source.slice(at);
  if (wanted !== "") result.push(...rest);
  if (result.length === 0) return "";
  return result.join("\n") + (ends ? "\n" : "");
}
