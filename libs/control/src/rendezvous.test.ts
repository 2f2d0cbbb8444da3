/** Every shard has two watchers while two live, and a death moves only what it must. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { shardsOf } from "./rendezvous.ts";

const OPTIONS = { shards: 64, watchers: 2 };

function watchers(live: readonly number[]): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (const replica of live) {
    for (const shard of shardsOf(replica, live, OPTIONS)) {
      found.set(shard, [...(found.get(shard) ?? []), replica]);
    }
  }
  return found;
}

test("shardsOf() gives every shard two watchers, or all there are", () => {
  for (const live of [[1], [1, 2], [1, 2, 3], [2, 4, 5], [1, 2, 3, 4, 5]]) {
    const found = watchers(live);
    assert.equal(found.size, 64);
    for (const [shard, replicas] of found) {
      assert.equal(replicas.length, Math.min(2, live.length), `shard ${shard} of ${live.join()}`);
    }
  }
});

test("shardsOf() spreads the shards", () => {
  for (const replica of [1, 2, 3]) {
    const { size } = shardsOf(replica, [1, 2, 3], OPTIONS);
    assert.ok(size > 32 && size < 54, `replica ${replica} watches ${size}`);
  }
});

test("shardsOf() leaves the survivors what they had when a replica dies", () => {
  const before = watchers([1, 2, 3]);
  const after = watchers([1, 3]);
  for (const [shard, replicas] of before) {
    for (const replica of replicas.filter((each) => each !== 2)) {
      assert.ok(after.get(shard)?.includes(replica), `shard ${shard}`);
    }
  }
});
