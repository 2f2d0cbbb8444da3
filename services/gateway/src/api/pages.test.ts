/**
 * Pages: sizes, tokens, and bounds in bytes.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "@atoll/service-kit";
import { PAGE_BYTES_MAX, pageSizeOf, pageToken, readPageToken, takePage } from "./pages.ts";

const LIST = ["things", "parent", "filter"];

test("pageSizeOf() takes 0 to 1000", () => {
  const size = (pageSize: number): number => pageSizeOf({ pageSize, pageToken: "" });
  assert.deepEqual([0, 1, 1_000].map(size), [100, 1, 1_000]);
  for (const wrong of [-1, 1_001, 1_000_000]) assert.throws(() => size(wrong), ApiError);
});

test("a page token gives back its key, and fits its own list only", () => {
  for (const key of ["a", "", "ümlaut/\u0000", "x".repeat(300)]) {
    const request = { pageSize: 0, pageToken: pageToken(LIST, key) };
    assert.equal(readPageToken(request, LIST), key);
    assert.throws(() => readPageToken(request, ["things", "parent", "other"]), ApiError);
  }
  assert.equal(readPageToken({ pageSize: 0, pageToken: "" }, LIST), undefined);
});

test("readPageToken() refuses every token with one character changed", () => {
  const token = pageToken(LIST, "n1");
  for (let at = 0; at < token.length; at += 1) {
    const changed = `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
    const request = { pageSize: 0, pageToken: changed };
    // The last character may carry bits that mean nothing.
    if (at === token.length - 1) continue;
    assert.throws(() => readPageToken(request, LIST), ApiError, changed);
  }
});

test("takePage() walks everything once, whatever the size of pages and items", () => {
  const items = Array.from({ length: 25 }, (_, at) => `item-${String(at).padStart(2, "0")}`);
  for (const [size, bytes] of [
    [1, 1],
    [7, 1],
    [25, 1],
    [1_000, 1],
    [1_000, PAGE_BYTES_MAX / 3],
    [5, PAGE_BYTES_MAX * 2],
  ] as const) {
    const seen: string[] = [];
    let token = "";
    do {
      const after = readPageToken({ pageSize: 0, pageToken: token }, LIST);
      const page = takePage(
        items.filter((item) => after === undefined || item > after),
        { size, list: LIST, keyOf: (item) => item, render: (item) => item, bytesOf: () => bytes },
      );
      assert.ok(page.items.length > 0 && page.items.length <= size);
      seen.push(...page.items);
      token = page.nextPageToken;
    } while (token !== "");
    assert.deepEqual(seen, items);
  }
});
