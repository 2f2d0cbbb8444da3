import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { RecentEntries } from "./recent-entries.ts";

const MIB = 1024 * 1024;
const COLLECTIONS_MAX = 100;

function recentOf(count: number, bytes: number): RecentEntries {
  const recent = new RecentEntries();
  for (let index = 1; index <= count; index += 1) recent.push(index, new Uint8Array(bytes));
  return recent;
}

/** Buffers are swept behind a collection: collects until so few are alive, a bounded while. */
async function bytesAlive(enough: number): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let attempt = 0; attempt < COLLECTIONS_MAX; attempt += 1) {
    collect();
    await setImmediate();
    if (process.memoryUsage().arrayBuffers <= enough) break;
  }
  return process.memoryUsage().arrayBuffers;
}

describe("RecentEntries", () => {
  it("read() gives entries from an index on, up to the bytes, at least one", () => {
    const recent = recentOf(5, 100);
    assert.deepEqual(
      recent.read(3, 250)?.map(({ index }) => index),
      [3, 4],
    );
    assert.deepEqual(
      recent.read(5, 1)?.map(({ index }) => index),
      [5],
    );
  });

  it("read() knows nothing of what fell out or has not come", () => {
    const recent = recentOf(20, MIB);
    assert.equal(recent.read(4, MIB), undefined);
    assert.equal(recent.read(5, MIB)?.[0]?.index, 5);
    assert.equal(recent.read(21, MIB), undefined);
  });

  it("push() lets go of what fell out", async () => {
    const before = await bytesAlive(MIB);
    const recent = recentOf(100, MIB);
    const kept = (await bytesAlive(before + 17 * MIB)) - before;
    assert.equal(recent.lastIndex, 100);
    assert.ok(kept <= 17 * MIB, `${kept} bytes are kept`);
  });

  it("push() keeps the last entry however large it is", () => {
    const recent = recentOf(2, 17 * MIB);
    assert.equal(recent.read(1, MIB), undefined);
    assert.equal(recent.read(2, MIB)?.length, 1);
  });
});
