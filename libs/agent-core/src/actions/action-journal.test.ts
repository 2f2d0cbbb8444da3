/** The journal across restarts: what was taken stays taken, results go with their facts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ActionOrder } from "@atoll/codec/agent";
import type { ActionId, TargetKey } from "@atoll/domain";
import { Outbox } from "../outbox/outbox.ts";
import { START } from "../outbox/position.ts";
import { AgentDatabase } from "../storage/agent-database.ts";
import { MemoryDisk } from "../storage/memory-disk.ts";
import { ActionJournal, FINISHED_ACTIONS_MAX } from "./action-journal.ts";

const SUCCEEDED = { outcome: "succeeded", reason: "", durationMs: 3 } as const;

async function withJournal(
  disk: MemoryDisk,
  boot: number,
  body: (journal: ActionJournal, outbox: Outbox) => Promise<void>,
): Promise<void> {
  await using database = await AgentDatabase.open({ open: () => disk.open(), onFailure() {} });
  const outbox = await Outbox.open({ database, boot });
  await body(await ActionJournal.open(database, outbox), outbox);
}

function order(generation: number, more: Partial<ActionOrder> = {}): ActionOrder {
  return {
    term: 1,
    action: `n1-${generation}` as ActionId,
    generation,
    target: "file:/a" as TargetKey,
    timeoutMs: 1_000,
    order: { type: "removeFile", path: "/a" },
    incarnation: "life",
    ...more,
  };
}

test("a restarted journal knows what was taken, the newest term and generations", async () => {
  const disk = new MemoryDisk();
  await withJournal(disk, 1, async (journal) => {
    await journal.take(order(4, { term: 9 }));
    const entry = await journal.take(order(5, { target: "file:/b" as TargetKey }));
    await journal.finish(entry, SUCCEEDED, 1);
    await journal.sawTerm(11);
    await journal.sawTerm(10);
  });
  await withJournal(disk, 2, (journal) => {
    assert.equal(journal.term, 11);
    assert.deepEqual(
      journal.open().map((entry) => entry.action),
      ["n1-4"],
    );
    assert.deepEqual(journal.open()[0]?.order, { type: "removeFile", path: "/a" });
    assert.ok(journal.isKnown("n1-5" as ActionId));
    assert.deepEqual(journal.newest("file:/b" as TargetKey), { generation: 5, action: "n1-5" });
    return Promise.resolve();
  });
});

test("an action is durable when take() resolves, and known before", async () => {
  const disk = new MemoryDisk();
  await withJournal(disk, 1, async (journal) => {
    const taking = journal.take(order(1));
    assert.ok(journal.isKnown("n1-1" as ActionId));
    await journal.stored("n1-1" as ActionId);
    assert.ok(disk.content.has("action!n1-1"));
    await taking;
  });
});

test("a result and its fact are written as one", async () => {
  const disk = new MemoryDisk();
  await withJournal(disk, 1, async (journal, outbox) => {
    const entry = await journal.take(order(1));
    const writes = disk.writes;
    await journal.finish(entry, SUCCEEDED, 42);
    assert.equal(disk.writes, writes + 1);
    const page = await outbox.read(START, { factsMax: 10, bytesMax: 10_000 });
    assert.deepEqual(page?.facts, [
      { type: "actionFinished", observedAtMs: 42, action: "n1-1", ...SUCCEEDED },
    ]);
  });
});

test("finished actions have a bound, in memory and on disk", async () => {
  const disk = new MemoryDisk();
  await withJournal(disk, 1, async (journal) => {
    for (let number = 1; number <= FINISHED_ACTIONS_MAX + 5; number += 1) {
      await journal.finish(await journal.take(order(number)), SUCCEEDED, 1);
    }
    assert.ok(!journal.isKnown("n1-5" as ActionId));
    assert.ok(journal.isKnown("n1-6" as ActionId));
    const stored = [...disk.content.keys()].filter((key) => key.startsWith("action!"));
    assert.equal(stored.length, FINISHED_ACTIONS_MAX);
  });
});
