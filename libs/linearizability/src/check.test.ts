import assert from "node:assert/strict";
import { test } from "node:test";
import { checkLinearizability } from "./check.ts";
import { describeVerdict } from "./describe.ts";
import { parseHistory } from "./text.ts";

function verdictOf(text: string, workMax?: number): ReturnType<typeof checkLinearizability> {
  const parsed = parseHistory(text);
  assert.equal(parsed.type, "parsed", parsed.type === "invalid" ? parsed.reason : "");
  const { history } = parsed as Extract<typeof parsed, { type: "parsed" }>;
  return checkLinearizability(history, workMax === undefined ? {} : { workMax });
}

const BAD: Readonly<Record<string, string>> = {
  "a stale read: the old value after the new one was acknowledged": `
    a x write 1 1 2 ok
    a x write 2 3 4 ok
    b x read - 5 6 1`,
  "a read of nothing after a write was acknowledged": `
    a x write 1 1 2 ok
    b x read - 3 4 nil`,
  "a lost update: two compare-and-sets win from one value": `
    a x write 0 1 2 ok
    a x cas 0:1 3 6 ok
    b x cas 0:2 4 7 ok
    c x read - 8 9 2`,
  "a lost update: an acknowledged write is not there after the next leader": `
    a x write 1 1 2 ok
    b x cas nil:2 3 4 ok`,
  "split brain: two clients each see their own side": `
    a x write 1 1 2 ok
    b x write 2 3 4 ok
    a x read - 5 6 1
    b x read - 5 6 2`,
  "split brain: each side acknowledges and reads by itself, overlapping": `
    a x write 1 1 4 ok
    b x write 2 1 4 ok
    a x read - 5 6 1
    b x read - 7 8 2
    a x read - 9 10 1`,
  "a value from nowhere": `
    a x write 1 1 2 ok
    b x read - 3 4 7`,
  "a value from the future: read before its write was invoked": `
    b x read - 1 2 1
    a x write 1 3 4 ok`,
  "reads go back: two readers see an overlapping write in the wrong order": `
    a x write 1 1 2 ok
    a x write 2 3 20 ok
    b x read - 4 6 2
    c x read - 7 9 1`,
  "an unknown write takes effect before it was invoked": `
    b x read - 1 2 1
    a x write 1 3 - ?`,
  "an unknown write takes effect, is overwritten, and comes back": `
    a x write 1 1 - ?
    b x read - 2 3 1
    b x write 2 4 5 ok
    b x read - 6 7 2
    b x read - 8 9 1`,
  "an unknown compare-and-set cannot have found what never was there": `
    a x write 1 1 2 ok
    b x cas 5:9 3 - ?
    c x read - 4 5 9`,
  "a compare-and-set fails though its value stood there all the time": `
    a x write 1 1 2 ok
    b x cas 1:2 3 4 failed
    c x read - 5 6 1`,
  "a compare-and-set that failed took effect": `
    a x write 1 1 2 ok
    b x cas 5:2 3 4 failed
    c x read - 5 6 2`,
  "one bad key among good ones": `
    a x write 1 1 2 ok
    a y write 1 3 4 ok
    b y read - 5 6 nil
    b x read - 5 6 1`,
};

const GOOD: Readonly<Record<string, string>> = {
  "nothing at all": "",
  "one after the other": `
    a x write 1 1 2 ok
    b x read - 3 4 1
    b x cas 1:2 5 6 ok
    a x cas 1:3 7 8 failed
    a x read - 9 10 2`,
  "an overlapping read may see the value before": `
    a x write 1 1 10 ok
    b x read - 2 3 nil
    b x read - 4 5 1`,
  "an overlapping read may see the value after, and a later one too": `
    a x write 1 1 2 ok
    a x write 2 3 20 ok
    b x read - 4 6 1
    c x read - 7 9 2`,
  "equal times overlap": `
    a x write 1 1 2 ok
    b x read - 2 3 nil`,
  "an unknown write never took effect": `
    a x write 1 1 2 ok
    a x write 2 3 - ?
    b x read - 4 5 1
    b x read - 6 7 1`,
  "an unknown write took effect": `
    a x write 1 1 2 ok
    a x write 2 3 - ?
    b x read - 4 5 2`,
  "an unknown write takes effect very late, over what came after it": `
    a x write 1 1 - ?
    b x write 2 2 3 ok
    b x read - 4 5 2
    b x write 3 6 7 ok
    b x read - 8 9 3
    b x read - 10 11 1
    c x cas 1:4 12 13 ok`,
  "two unknown writes take effect in the other order": `
    a x write 1 1 - ?
    b x write 2 2 - ?
    c x read - 3 4 2
    c x read - 5 6 1`,
  "an unknown compare-and-set explains another's failure": `
    a x write 1 1 2 ok
    b x cas 1:2 3 - ?
    c x cas 1:3 4 5 failed
    c x read - 6 7 2`,
  "an unknown write that nobody saw explains a failure": `
    a x write 1 1 2 ok
    b x write 9 3 - ?
    c x cas 1:3 4 5 failed`,
  "an unknown write stands between two equal reads": `
    a x write 1 1 2 ok
    b x write 2 3 - ?
    c x read - 4 5 2
    a x write 1 6 7 ok
    c x read - 8 9 1`,
  "an unknown read says nothing": `
    a x write 1 1 2 ok
    b x read - 3 - ?
    b x read - 4 5 1`,
  "the same value written twice": `
    a x write 1 1 10 ok
    b x write 2 2 5 ok
    c x write 1 3 9 ok
    d x read - 11 12 1
    e x read - 11 12 1`,
  "keys do not order each other": `
    a x write 1 1 2 ok
    a y write 1 3 4 ok
    b y read - 5 6 1
    b x read - 5 6 1
    c z read - 5 6 nil`,
};

for (const [name, text] of Object.entries(BAD)) {
  test(`checkLinearizability() refuses ${name}`, () => {
    assert.equal(verdictOf(text).type, "notLinearizable");
  });
}

for (const [name, text] of Object.entries(GOOD)) {
  test(`checkLinearizability() accepts ${name}`, () => {
    const verdict = verdictOf(text);
    assert.equal(verdict.type, "linearizable", describeVerdict(verdict));
  });
}

test("checkLinearizability() names the operation that fits nowhere", () => {
  const verdict = verdictOf(`
    a x write 1 1 2 ok
    a x write 2 3 4 ok
    b x read - 5 6 1`);
  assert.equal(
    describeVerdict(verdict),
    [
      "key x is not linearizable: after 2 operations in the longest order",
      "  a x write 1 1 2 ok",
      "  a x write 2 3 4 ok",
      "it holds 2, and nothing explains",
      "  b x read - 5 6 1",
    ].join("\n"),
  );
});

test("checkLinearizability() gives up when its bound is reached, and says where", () => {
  // Many writes at once and a read that none explains: every order is tried.
  const writes = Array.from({ length: 24 }, (_, at) => `p${at} x write v${at} 1 9 ok`);
  const reads = Array.from({ length: 12 }, (_, at) => `r${at} x read - 2 9 v${at}`);
  const text = [...writes, ...reads, "q x read - 10 11 nowhere"].join("\n");
  const verdict = verdictOf(text, 10_000);
  assert.deepEqual(verdict, { type: "gaveUp", key: "x", work: 10_001 });
  assert.equal(describeVerdict(verdict), "gave up on key x after 10001 attempts");
});

test("checkLinearizability() refuses operations that make no sense", () => {
  const call = { kind: "write", value: "1" } as const;
  const result = { type: "ok" } as const;
  const operation = { process: "a", key: "x", call, invokedAt: 5, returned: { at: 4, result } };
  assert.throws(() => checkLinearizability([operation]), /returned at 4, before 5/);
});
