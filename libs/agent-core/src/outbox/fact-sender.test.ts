/** The sender against a bus that loses, refuses and is slow. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FACTS_PER_BATCH_MAX } from "@atoll/domain";
import type { Fact, FactBatch, NodeName, OutboxPosition } from "@atoll/domain";
import { Prng } from "@atoll/stdx";
import { AgentDatabase } from "../storage/agent-database.ts";
import { MemoryDisk } from "../storage/memory-disk.ts";
import { until } from "../testing/until.ts";
import { FactSender, PUBLISHES_MAX, UNCOMMITTED_BATCHES_MAX } from "./fact-sender.ts";
import { Outbox } from "./outbox.ts";
import { START } from "./position.ts";

interface Published {
  readonly batch: FactBatch;
  done(error?: Error): void;
}

interface Fixture {
  readonly outbox: Outbox;
  readonly sender: FactSender;
  readonly published: Published[];
  readonly resends: string[];
}

async function withSender(body: (fixture: Fixture) => Promise<void>): Promise<void> {
  const disk = new MemoryDisk();
  await using database = await AgentDatabase.open({ open: () => disk.open(), onFailure() {} });
  const outbox = await Outbox.open({ database, boot: 1 });
  const published: Published[] = [];
  const batches = new Map<Uint8Array, FactBatch>();
  const resends: string[] = [];
  using sender = new FactSender({
    node: "n1" as NodeName,
    incarnation: () => "life",
    outbox,
    bus: {
      publishFacts: (payload, done) => {
        const batch = batches.get(payload) as FactBatch;
        published.push({ batch, done: (error) => done(error) });
      },
    },
    encode: (batch) => {
      const payload = Buffer.from([batches.size]);
      batches.set(payload, batch);
      return payload;
    },
    random: new Prng(1),
    onPublishFailed() {},
    onResend: (cause) => resends.push(cause),
  });
  await body({ outbox, sender, published, resends });
}

function fact(number: number): Fact {
  return { type: "fileForgotten", observedAtMs: number, path: `/${number}` };
}

function at(sequence: number): OutboxPosition {
  return { boot: 1, sequence };
}

test("nothing is published before the bus is there, then everything, in order", () =>
  withSender(async ({ outbox, sender, published }) => {
    for (let number = 1; number <= 3; number += 1) await outbox.append(fact(number));
    assert.equal(published.length, 0);
    sender.connectionChanged(true);
    await until(() => published.length === 1, "a batch is published");
    assert.deepEqual(published[0]?.batch, {
      node: "n1",
      incarnation: "life",
      previous: START,
      first: at(1),
      facts: [fact(1), fact(2), fact(3)],
    });
    await outbox.append(fact(4));
    await until(() => published.length === 2, "the next is published");
    assert.deepEqual(published[1]?.batch.previous, at(3));
  }));

test("an inventory goes out behind every change of state, however much earlier it was seen", () =>
  withSender(async ({ outbox, sender, published }) => {
    const inventory = { type: "inventoryObserved", observedAtMs: 0, inventory: {} } as Fact;
    void outbox.append(inventory);
    const count = FACTS_PER_BATCH_MAX + 10;
    for (let number = 1; number <= count; number += 1) await outbox.append(fact(number));
    sender.connectionChanged(true);
    const sent = (): readonly Fact[] => published.flatMap(({ batch }) => batch.facts);
    await until(() => sent().length === count + 1, "all and the inventory are published");
    await outbox.append(fact(count + 1));
    await until(() => sent().length === count + 2, "all are published");
    assert.deepEqual(
      sent().map(({ observedAtMs }) => observedAtMs),
      [...Array.from({ length: count }, (_, index) => index + 1), 0, count + 1],
    );
  }));

test("the window waits for the stream, and what is uncommitted has a bound", () =>
  withSender(async ({ outbox, sender, published }) => {
    sender.connectionChanged(true);
    for (let number = 1; number <= UNCOMMITTED_BATCHES_MAX + 10; number += 1) {
      await outbox.append(fact(number));
      if (number <= PUBLISHES_MAX) await until(() => published.length === number, "published");
    }
    assert.equal(published.length, PUBLISHES_MAX);
    for (let next = 0; next < published.length; next += 1) {
      published[next]?.done();
      await new Promise(setImmediate);
    }
    await until(() => sender.isIdle || published.length >= PUBLISHES_MAX + 1, "more is published");
    assert.ok(published.length <= UNCOMMITTED_BATCHES_MAX);
  }));

test("what is not committed in time is sent again", () =>
  withSender(async ({ outbox, sender, published, resends }) => {
    sender.connectionChanged(true);
    await outbox.append(fact(1));
    await until(() => published.length === 1, "the first publication");
    published[0]?.done();
    await until(() => published.length === 2, "the second publication");
    assert.deepEqual(resends, ["no commit in time"]);
    assert.deepEqual(published[1]?.batch, published[0]?.batch);
    await sender.committed(at(1));
    assert.ok(sender.isIdle);
    assert.equal(outbox.size, 0);
  }));

test("a reconnection sends what is not committed again, from its beginning", () =>
  withSender(async ({ outbox, sender, published }) => {
    sender.connectionChanged(true);
    for (let number = 1; number <= 3; number += 1) await outbox.append(fact(number));
    await until(
      () => published.at(-1)?.batch.facts.at(-1)?.observedAtMs === 3,
      "all are published",
    );
    await sender.committed(at(1));
    sender.connectionChanged(false);
    const before = published.length;
    sender.connectionChanged(true);
    await until(() => published.length > before, "it is published again");
    assert.deepEqual(published[before]?.batch.previous, at(1));
    assert.deepEqual(published[before]?.batch.facts, [fact(2), fact(3)]);
  }));

test("an answer to an earlier round counts no more", () =>
  withSender(async ({ outbox, sender, published }) => {
    sender.connectionChanged(true);
    await outbox.append(fact(1));
    await until(() => published.length === 1, "the first publication");
    sender.connectionChanged(false);
    sender.connectionChanged(true);
    await until(() => published.length === 2, "the second publication");
    published[0]?.done(new Error("late"));
    published[1]?.done();
    await sender.committed(at(1));
    await outbox.append(fact(2));
    await until(() => published.length === 3, "the next fact");
  }));

test("a directive that repeats the known position while something is out shows a gap", () =>
  withSender(async ({ outbox, sender, published, resends }) => {
    sender.connectionChanged(true);
    await outbox.append(fact(1));
    await until(() => published.length === 1, "the first publication");
    await sender.committed(START);
    assert.deepEqual(resends, []);
    const sentMs = performance.now();
    await until(() => performance.now() - sentMs > 1_050, "a second has passed");
    await sender.committed(START);
    assert.deepEqual(resends, ["gap"]);
    await until(() => published.length === 2, "the second publication");
  }));

test("what the stream refuses is tried again soon, and nothing overtakes it", () =>
  withSender(async ({ outbox, sender, published }) => {
    sender.connectionChanged(true);
    await outbox.append(fact(1));
    await until(() => published.length === 1, "the first publication");
    const refusedMs = performance.now();
    published[0]?.done(new Error("there is no stream yet"));
    await outbox.append(fact(2));
    assert.equal(published.length, 1);
    await until(() => published.length === 2, "the second publication");
    assert.ok(performance.now() - refusedMs < 1_500);
    assert.deepEqual(published[1]?.batch.facts, [fact(1), fact(2)]);
  }));
