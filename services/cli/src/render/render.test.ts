/** The parts that every output is made of. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { escapeLine, escapeLines } from "./escape.ts";
import { toJsonText, toYamlText } from "./structured.ts";
import { paintFor } from "./style.ts";
import { table } from "./table.ts";
import { ago, span } from "./time.ts";

const HOSTILE = "\u001b]52;c;cm0gLXJm\u0007 \u009b31m \u202eexe \u2028 \ufeff \ud800 \r\n\ttext";

test("escapeLine() leaves no character that a terminal obeys", () => {
  const safe = escapeLine(HOSTILE);
  assert.doesNotMatch(safe, /[\u0000-\u001f\u007f-\u009f\u2028\u202e\ufeff]/);
  assert.match(safe, /^\\u001b\]52;c;cm0gLXJm\\u0007 \\u009b31m \\u202eexe/);
  assert.equal(escapeLine("ümlaut 漢字 😀"), "ümlaut 漢字 😀");
  assert.deepEqual(escapeLines("a\tb\r\nc\u001b\n"), ["a  b", "c\\u001b"]);
});

test("structured outputs escape and still mean the same", () => {
  const document = { name: HOSTILE.replace("\ud800", ""), list: ["1", "no", ""], count: 3 };
  for (const text of [toJsonText(document), toYamlText(document)]) {
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u202e\ufeff]/);
    assert.deepEqual(parse(text), document);
  }
});

test("table() sizes columns to their content and cuts only the last one", () => {
  const rows = [
    ["a", { text: "ready", style: "good" }, "x".repeat(60)],
    ["long-name", "", "short"],
  ] as const;
  const options = { paint: paintFor(false), widthMax: 40 };
  assert.deepEqual(table(["NAME", "STATE", "REASON"], rows, options), [
    "NAME       STATE  REASON",
    `a          ready  ${"x".repeat(21)}…`,
    "long-name  -      short",
  ]);
});

test("times read as people say them", () => {
  assert.deepEqual([5, 1_234, 59_999, 60_000, 312_000, 3_600_000, 90_000_000].map(span), [
    "5ms",
    "1.2s",
    "59s",
    "1m",
    "5m 12s",
    "1h",
    "1d 1h",
  ]);
  const time = { seconds: 100, nanos: 0 };
  assert.equal(ago(time, 112_900), "12s ago");
  assert.equal(ago(time, 100_400), "now");
  assert.equal(ago(time, 97_000), "in 3s");
  assert.equal(ago(undefined, 0), "-");
});
