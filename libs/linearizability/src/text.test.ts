import assert from "node:assert/strict";
import { test } from "node:test";
import { formatHistory, parseHistory } from "./text.ts";

const TEXT = `a x write 1 1 2 ok
b x read - 3 4 1
b key.2 read - 3 4 nil
c x cas 1:2 5 6 ok
c x cas nil:2 7 8 failed
d x cas 1:3 9 - ?
e x write 5 10 - ?
f x read - 11 - ?
`;

test("formatHistory() writes what parseHistory() reads", () => {
  const parsed = parseHistory(TEXT);
  assert.ok(parsed.type === "parsed");
  assert.equal(parsed.history.length, 8);
  assert.equal(formatHistory(parsed.history), TEXT);
});

test("parseHistory() passes over comments and empty lines", () => {
  const parsed = parseHistory("# seed 5\n\n  a x write 1 1 2 ok\n");
  assert.ok(parsed.type === "parsed");
  assert.equal(formatHistory(parsed.history), "a x write 1 1 2 ok\n");
});

const INVALID: Readonly<Record<string, string>> = {
  "a x write 1 1 2": "6 words instead of 7",
  "a x write 1 1 2 ok more": "8 words instead of 7",
  "a x erase 1 1 2 ok": "call erase 1",
  "a x write nil 1 2 ok": "call write nil",
  "a x read 1 1 2 1": "call read 1",
  "a x cas 1 1 2 ok": "call cas 1",
  "a x cas 1:2:3 1 2 ok": "call cas 1:2:3",
  "a x cas 1:nil 1 2 ok": "call cas 1:nil",
  "a x write 1 one 2 ok": "invoked at one",
  "a x write 1 1 -2 ok": "returned at -2",
  "a x write 1 3 2 ok": "returned at 2, before 3",
  "a x write 1 1 - ok": "an unknown outcome is written - ?",
  "a x write 1 1 2 ?": "an unknown outcome is written - ?",
  "a x write 1 1 2 failed": "result failed of a write",
  "a x read - 1 2 a/b": "result a/b of a read",
  "a/b x read - 1 2 1": "process a/b",
  "a x,y read - 1 2 1": "key x,y",
};

for (const [line, reason] of Object.entries(INVALID)) {
  test(`parseHistory() refuses: ${line}`, () => {
    const expected = { type: "invalid", line: 2, reason };
    assert.deepEqual(parseHistory(`# one line before\n${line}\n`), expected);
  });
}
