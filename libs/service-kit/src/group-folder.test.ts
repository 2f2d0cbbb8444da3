/** Ids of groups: which belong to a datacenter, and which a restore has given. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { foundingGroupId, isGroupOf, isRestoredGroupOf, restoredGroupId } from "./group-folder.ts";

test("isRestoredGroupOf() takes what restoredGroupId() gives for the same datacenter", () => {
  const given = restoredGroupId("dc1");
  assert.deepEqual([isRestoredGroupOf("dc1", given), isGroupOf("dc1", given)], [true, true]);
  assert.notEqual(restoredGroupId("dc1"), given);
});

test("isRestoredGroupOf() refuses every other id", () => {
  for (const [datacenter, groupId] of [
    ["dc1", foundingGroupId("dc1")],
    ["dc1", "atoll/dc2/1f00ba21"],
    ["dc1", "atoll/dc1/1f00ba2"],
    ["dc1", "atoll/dc1/1f00ba211"],
    ["dc1", "atoll/dc1/1F00BA21"],
    ["dc1", "atoll/dc1/1f00ba21/1f00ba21"],
    ["d.1", "atoll/dc1/1f00ba21"],
  ] as const) {
    assert.equal(isRestoredGroupOf(datacenter, groupId), false, `${groupId} of ${datacenter}`);
  }
});
