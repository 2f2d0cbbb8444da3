/** What is placed by the hash must stay where it is, and be spread evenly. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hashText, mix32 } from "./hash.ts";

test("hashText() gives for ever what it gave", () => {
  assert.deepEqual(
    ["", "n1", "n2", "rack-7-node-12"].map((text) => hashText(text)),
    [2872998923, 2855225089, 830388215, 3275095712],
  );
  assert.notEqual(hashText("n1", 1), hashText("n1", 2));
  assert.equal(mix32(0), 0);
});

test("hashText() spreads names that differ in one digit", () => {
  const counts: number[] = Array.from({ length: 64 }, () => 0);
  for (let number = 0; number < 6_400; number += 1) {
    const shard = hashText(`node-${number}`) % 64;
    counts[shard] = (counts[shard] ?? 0) + 1;
  }
  assert.ok(Math.min(...counts) > 60 && Math.max(...counts) < 150, counts.join(" "));
});
