/** Whose outbox it is: copies told apart, and what is not committed taken into another life. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fact, ServiceKey } from "@atoll/domain";
import { AgentDatabase } from "../storage/agent-database.ts";
import { MemoryDisk } from "../storage/memory-disk.ts";
import { Outbox } from "./outbox.ts";
import type { LifeOptions } from "./outbox-life.ts";
import { START } from "./position.ts";

function factOf(number: number): Fact {
  const key = `web/app-${number}` as ServiceKey;
  return { type: "serviceForgotten", observedAtMs: number, key };
}

async function withOutbox(
  disk: MemoryDisk,
  options: LifeOptions,
  body: (outbox: Outbox) => Promise<void>,
): Promise<void> {
  await using database = await AgentDatabase.open({ open: () => disk.open(), onFailure() {} });
  await body(await Outbox.open({ database, ...options }));
}

/** All that is not committed, in order. */
async function rest(outbox: Outbox): Promise<{ numbers: number[]; firsts: unknown[] }> {
  const numbers: number[] = [];
  const firsts: unknown[] = [];
  for (let after = outbox.committed; ;) {
    const page = await outbox.read(after, { factsMax: 100, bytesMax: 1_000_000 });
    if (page === undefined) return { numbers, firsts };
    firsts.push(page.first);
    numbers.push(...page.facts.map(({ observedAtMs }) => observedAtMs));
    after = page.last;
  }
}

test("positions name the instance whose boot they are, also after restarts", async () => {
  const disk = new MemoryDisk();
  await withOutbox(disk, { boot: 1, incarnation: "i", instance: "a" }, async (outbox) => {
    await outbox.append(factOf(1));
  });
  await withOutbox(disk, { boot: 2, incarnation: "i", instance: "b" }, async (outbox) => {
    await outbox.append(factOf(2));
    assert.deepEqual(outbox.last, { boot: 2, sequence: 1, instance: "b" });
    assert.deepEqual((await rest(outbox)).firsts, [
      { boot: 1, sequence: 1, instance: "a" },
      { boot: 2, sequence: 1, instance: "b" },
    ]);
  });
});

test("isForeign() knows positions that a copy has given", async () => {
  const disk = new MemoryDisk();
  for (const [boot, instance] of [
    [4, "a"],
    [6, "c"],
  ] as const) {
    await withOutbox(disk, { boot, incarnation: "i", instance }, async (outbox) => {
      await outbox.append(factOf(boot));
    });
  }
  await withOutbox(disk, { boot: 7, incarnation: "i", instance: "d" }, async (outbox) => {
    const foreign = (boot: number, instance?: string): boolean =>
      outbox.isForeign({ boot, sequence: 1, ...(instance === undefined ? {} : { instance }) });
    assert.deepEqual([foreign(4, "a"), foreign(6, "c"), foreign(7, "d")], [false, false, false]);
    assert.deepEqual([foreign(4, "x"), foreign(6, "x"), foreign(7, "x")], [true, true, true]);
    assert.deepEqual([foreign(5, "x"), foreign(8, "x")], [true, true], "boots it never had");
    assert.deepEqual([foreign(3, "x"), foreign(8)], [false, false], "nothing is known of them");
    // Committed boots are forgotten, and nothing more is said of them.
    await outbox.forget({ boot: 6, sequence: 1, instance: "c" });
  });
  await withOutbox(disk, { boot: 8, incarnation: "i", instance: "e" }, async (outbox) => {
    assert.equal(outbox.isForeign({ boot: 4, sequence: 1, instance: "x" }), false);
    assert.equal(outbox.isForeign({ boot: 6, sequence: 1, instance: "x" }), true);
  });
});

test("startOver() takes along in order what is not committed or just being written", async () => {
  const disk = new MemoryDisk();
  await withOutbox(disk, { boot: 3, incarnation: "i", instance: "a" }, async (outbox) => {
    for (let number = 1; number <= 4; number += 1) await outbox.append(factOf(number));
    await outbox.forget({ boot: 3, sequence: 2, instance: "a" });
    const late = outbox.append(factOf(5));
    await outbox.startOver(4, "j");
    await outbox.append(factOf(6));
    await late;
    const { numbers, firsts } = await rest(outbox);
    assert.deepEqual(numbers.toSorted(), [3, 4, 5, 6]);
    assert.deepEqual(numbers.slice(0, 2), [3, 4]);
    assert.deepEqual(firsts, [{ boot: 4, sequence: 1, instance: "a" }]);
    assert.deepEqual(outbox.committed, START);
  });
  await withOutbox(disk, { boot: 5, incarnation: "j", instance: "b" }, async (outbox) => {
    assert.deepEqual((await rest(outbox)).numbers.toSorted(), [3, 4, 5, 6]);
    assert.deepEqual(outbox.committed, START);
  });
});

test("an agent killed between its new incarnation and its outbox ends what it began", async () => {
  const disk = new MemoryDisk();
  await withOutbox(disk, { boot: 7, incarnation: "i", instance: "a" }, async (outbox) => {
    for (let number = 1; number <= 3; number += 1) await outbox.append(factOf(number));
    await outbox.forget({ boot: 7, sequence: 1, instance: "a" });
  });
  for (const boot of [1, 8]) {
    const copy = new MemoryDisk();
    for (const [key, value] of disk.content) copy.content.set(key, value);
    await withOutbox(copy, { boot, incarnation: "j", instance: "b" }, async (outbox) => {
      assert.deepEqual(await rest(outbox), {
        numbers: [2, 3],
        firsts: [{ boot, sequence: 1, instance: "b" }],
      });
      assert.deepEqual(outbox.committed, START);
      assert.equal(outbox.holes, 0);
    });
  }
});
