/**
 * Entries are read back from a position that the log has, and from no other.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { EntryRange } from "@atoll/raft-replica";
import type { Entry } from "raft-ts";
import { storeEntriesUpTo } from "./store-entries.ts";

/** Entries 5 to 20, of 10 bytes each: of term 1 up to 12, of term 2 behind. */
const BEGIN = { index: 4, term: 1 };
const LOG: readonly Entry[] = Array.from({ length: 16 }, (_, at) => {
  const term = at + 5 <= 12 ? 1 : 2;
  return { index: at + 5, term, type: "data", data: new Uint8Array(10) };
});

class Store {
  readonly reads: string[] = [];
  log = LOG;
  error: Error | undefined;

  readEntries(
    {
      from,
      to,
      maxBytes,
    }: { readonly from: number; readonly to: number; readonly maxBytes: number },
    done: (error: Error | undefined, range: EntryRange | undefined) => void,
  ): void {
    this.reads.push(`${from} to ${to}`);
    assert.ok(from <= (this.log.at(-1)?.index ?? 0) + 1, "a read beyond the log is a bug");
    if (this.error !== undefined) {
      done(this.error, undefined);
      return;
    }
    const count = Math.max(1, Math.floor(maxBytes / 10));
    const entries = this.log.filter(({ index }) => index >= from && index < to).slice(0, count);
    const previous = this.log.find(({ index }) => index === from - 1) ?? BEGIN;
    done(undefined, { previous, entries });
  }
}

const STATUS = { firstIndex: 5, lastIndex: 20, commitIndex: 15 };

async function read(
  store: Store,
  wanted: readonly [from: number, to: number, termAtTo: number],
  { bytesMax = 1_000, countMax = 100, status = STATUS } = {},
): Promise<string> {
  const [from, to, termAtTo] = wanted;
  const found = await storeEntriesUpTo(store, status, { from, to, termAtTo, bytesMax, countMax });
  if (found === undefined) return "nothing";
  const { entries, previousTerm } = found;
  assert.deepEqual(entries, store.log.slice((entries[0] as Entry).index - 5, to - 4));
  return `${entries[0]?.index} to ${entries.at(-1)?.index} behind term ${previousTerm}`;
}

test("storeEntriesUpTo() gives entries back to the first wanted, or as many as fit", async () => {
  const store = new Store();
  assert.equal(await read(store, [7, 10, 1]), "7 to 10 behind term 1");
  assert.equal(await read(store, [2, 10, 1]), "5 to 10 behind term 1");
  assert.equal(await read(store, [2, 5, 1]), "5 to 5 behind term 1");
  assert.equal(await read(store, [7, 14, 2], { countMax: 3 }), "12 to 14 behind term 1");
  assert.equal(await read(store, [7, 14, 2], { bytesMax: 45 }), "11 to 14 behind term 1");
  assert.equal(await read(store, [7, 14, 2], { bytesMax: 1 }), "14 to 14 behind term 2");
});

test("storeEntriesUpTo() gives nothing for a position that the log has not", async () => {
  const store = new Store();
  assert.equal(await read(store, [7, 10, 2]), "nothing");
  assert.equal(await read(store, [2, 4, 1]), "nothing");
  assert.equal(await read(store, [7, 21, 2]), "nothing");
  assert.equal(await read(store, [9, 8, 1]), "nothing");
  assert.deepEqual(store.reads, ["7 to 11"]);
});

test("storeEntriesUpTo() gives what is not committed, if it is there still", async () => {
  const store = new Store();
  assert.equal(await read(store, [18, 20, 2]), "18 to 20 behind term 2");
  assert.equal(await read(store, [18, 20, 2], { bytesMax: 1 }), "20 to 20 behind term 2");
  assert.equal(await read(store, [18, 20, 2], { bytesMax: 20 }), "19 to 20 behind term 2");
  assert.equal(await read(store, [18, 20, 2], { bytesMax: 30 }), "18 to 20 behind term 2");
  const status = { ...STATUS, commitIndex: 10 };
  assert.equal(await read(store, [14, 15, 2], { status }), "14 to 15 behind term 2");
  assert.equal(await read(store, [13, 15, 2], { status }), "13 to 15 behind term 1");
  // The log was cut since the replica said where it ends.
  store.log = LOG.filter(({ index }) => index <= 15);
  assert.equal(await read(store, [18, 20, 2]), "nothing");
});

test("storeEntriesUpTo() tells a compacted log from a disk that fails", async () => {
  const store = new Store();
  store.error = Object.assign(new Error("entry 7 is compacted"), { code: "COMPACTED" });
  assert.equal(await read(store, [7, 10, 1]), "nothing");
  store.error = new Error("the disk failed");
  await assert.rejects(read(store, [7, 10, 1]), /the disk failed/);
});
