/** Group commit leaves behind what the writes one after the other would. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "@atoll/stdx";
import type { LogWrite } from "@atoll/raft-replica";
import { mergeWrites } from "./merge-writes.ts";
import { LogModel } from "./testing/log-model.ts";
import { entries, FOUNDING_SNAPSHOT, seedOf } from "./testing/harness.ts";

test("mergeWrites() equals the writes one after the other", (context) => {
  const prng = new Prng(seedOf(context));
  for (let round = 0; round < 500; round += 1) {
    const model = new LogModel(FOUNDING_SNAPSHOT);
    model.write({ entries: entries(1, 10) });
    const merged = model.copy();
    const writes: LogWrite[] = [];
    for (let number = 0; number <= prng.below(6); number += 1) {
      const added = entries(prng.between(1, model.last.index + 1), prng.below(5), round + 2);
      const hardState = { term: number + 1, vote: prng.below(3), commit: 0 };
      const write = prng.chance(1, 2) ? { entries: added } : { entries: added, hardState };
      writes.push(write);
      model.write(write);
    }
    const before = JSON.stringify(writes);
    const { hardState, entries: mergedEntries } = mergeWrites(writes);
    assert.equal(JSON.stringify(writes), before, "the given arrays stay as they are");
    merged.write(hardState ? { hardState, entries: mergedEntries } : { entries: mergedEntries });
    assert.deepEqual(merged, model);
  }
});
