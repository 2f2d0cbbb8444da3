import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { logStoreContract } from "@atoll/raft-replica/contract";
import type { OpenedLogStore } from "@atoll/raft-replica/contract";
import { Prng } from "@atoll/stdx";
import { membershipOf } from "raft-ts";
import { MemoryLogStore } from "./raft-log-store.ts";
import { VirtualClock } from "./virtual-clock.ts";

const FOREVER_US = 2 ** 50;

logStoreContract(
  (name, body) =>
    test(name, (_context, done) => {
      body((error) => done(error));
    }),
  (membership, opened) => {
    const clock = new VirtualClock();
    const store = new MemoryLogStore({ clock, prng: new Prng(1), membership });
    store.rebuild("blank");
    const open = (tailBytesMax: number): OpenedLogStore => ({
      store,
      recovered: store.recover(tailBytesMax),
      reopen: (bytes, reopened) => {
        store.crash();
        reopened(undefined, open(bytes));
      },
      close: (done) => done(undefined),
    });
    opened(undefined, open(2 ** 30));
    clock.runUntil(FOREVER_US);
  },
  randomInt(2 ** 31),
);

function newStore(seed: number): { clock: VirtualClock; store: MemoryLogStore } {
  const clock = new VirtualClock();
  const membership = membershipOf([1]);
  return { clock, store: new MemoryLogStore({ clock, prng: new Prng(seed), membership }) };
}

test("MemoryLogStore.crash() keeps what was confirmed and a first part of the rest", () => {
  const lengths = new Set<number>();
  for (let seed = 0; seed < 200; seed += 1) {
    const { clock, store } = newStore(seed);
    let confirmed = 0;
    for (let index = 1; index <= 10; index += 1) {
      const entry = { index, term: 1, type: "data" as const, data: new Uint8Array(8) };
      store.write({ entries: [entry] }, () => (confirmed = index));
    }
    clock.runUntil(1_500);
    store.crash();
    const { last } = store.recover(2 ** 30);
    assert.ok(last.index >= confirmed, `seed ${seed}: ${last.index} after ${confirmed}`);
    lengths.add(last.index);
  }
  assert.ok(lengths.size > 3, `only ${[...lengths].join(" ")}`);
});

test("MemoryLogStore.recover() drops a torn write as a whole", () => {
  let torn = 0;
  for (let seed = 0; seed < 100; seed += 1) {
    const { store } = newStore(seed);
    const entries = Array.from({ length: 20 }, (_, at) => ({
      index: at + 1,
      term: 1,
      type: "data" as const,
      data: new Uint8Array(1),
    }));
    store.write({ hardState: { term: 1, vote: 1, commit: 0 }, entries }, () => undefined);
    store.crash();
    const recovered = store.recover(2 ** 30);
    assert.equal(recovered.last.index, recovered.hardState.term === 1 ? 20 : 0);
    torn += store.tornWrites;
  }
  assert.ok(torn > 50, `${torn} torn`);
});
