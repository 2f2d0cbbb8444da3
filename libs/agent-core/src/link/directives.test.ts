/** Directives over a disk that stands still: what counts before anything is stored. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Directive, encodeDirective } from "@atoll/codec/agent";
import { Prng } from "@atoll/stdx";
import { ActionJournal } from "../actions/action-journal.ts";
import { judgeOrder } from "../actions/fencing.ts";
import { FactSender } from "../outbox/fact-sender.ts";
import { Outbox } from "../outbox/outbox.ts";
import { START } from "../outbox/position.ts";
import { AgentDatabase } from "../storage/agent-database.ts";
import { MemoryDisk } from "../storage/memory-disk.ts";
import { until } from "../testing/until.ts";
import { CONTRADICTION_MS, CONTRADICTIONS, Directives } from "./directives.ts";
import { Maintenance } from "./maintenance.ts";

const LIFE = "life";

test("an order of an older term right behind a directive of a newer one is refused", async () => {
  const disk = new MemoryDisk();
  await using database = await AgentDatabase.open({ open: () => disk.open(), onFailure() {} });
  const outbox = await Outbox.open({ database, boot: 1 });
  const journal = await ActionJournal.open(database, outbox);
  using sender = new FactSender({
    node: "n1" as never,
    incarnation: () => LIFE,
    outbox,
    bus: { publishFacts: () => {} },
    encode: () => new Uint8Array(0),
    random: new Prng(1),
    onPublishFailed() {},
    onResend() {},
  });
  const odd: string[] = [];
  const directives = new Directives({
    incarnation: () => LIFE,
    journal,
    outbox,
    sender,
    maintenance: await Maintenance.open(database),
    clock: { monotonicMs: () => 0, realtimeMs: () => 0 },
    onOdd: (what) => odd.push(what),
    startOver: () => Promise.resolve(),
    reportInventory: () => Promise.resolve(),
    onBroken: (error) => assert.fail(String(error)),
  });
  const receive = (term: number, incarnation: string): void =>
    directives.receive(
      encodeDirective({ term, incarnation, committed: START, maintenance: false }),
    );
  // No turn of the loop lies between the two messages.
  receive(3, LIFE);
  const order = { term: 2, action: "n1-1", generation: 1, target: "service:web/app" } as never;
  const verdict = judgeOrder({ ...(order as object), incarnation: LIFE } as never, {
    incarnation: LIFE,
    term: journal.term,
    mode: "act",
    storageFailure: undefined,
    isKnown: (action) => journal.isKnown(action),
    isWithdrawn: (action) => journal.isWithdrawn(action),
    newest: (target) => journal.newest(target),
  });
  assert.equal(verdict.type === "refuse" && verdict.code, "staleTerm");
  receive(9, "another life");
  assert.equal(journal.term, 3);
});

/** An agent whose outbox holds facts, one of them committed, and what it does on directives. */
async function withAgent(
  body: (agent: {
    readonly receive: (directive: Partial<Directive>) => Promise<void>;
    readonly startedOver: string[];
    readonly maintenance: Maintenance;
    /** Batches that it has sent; the first when it was connected. */
    readonly sent: () => number;
    readonly outbox: Outbox;
    pass(ms: number): void;
  }) => Promise<void>,
): Promise<void> {
  const disk = new MemoryDisk();
  await using database = await AgentDatabase.open({ open: () => disk.open(), onFailure() {} });
  const outbox = await Outbox.open({ database, boot: 2, incarnation: LIFE, instance: "a" });
  const journal = await ActionJournal.open(database, outbox);
  const maintenance = await Maintenance.open(database);
  for (let count = 0; count < 3; count += 1) {
    await outbox.append({ type: "fileForgotten", observedAtMs: 1, path: "/etc/app.conf" });
  }
  await outbox.forget({ boot: 2, sequence: 1, instance: "a" });
  let [nowMs, sent] = [0, 0];
  const startedOver: string[] = [];
  using sender = new FactSender({
    node: "n1" as never,
    incarnation: () => LIFE,
    outbox,
    bus: { publishFacts: () => void (sent += 1) },
    encode: () => new Uint8Array(0),
    random: new Prng(1),
    onPublishFailed() {},
    onResend() {},
  });
  sender.connectionChanged(true);
  await until(() => sent === 1, "the first batch");
  const directives = new Directives({
    incarnation: () => LIFE,
    journal,
    outbox,
    sender,
    maintenance,
    clock: { monotonicMs: () => nowMs, realtimeMs: () => 0 },
    onOdd() {},
    startOver: (reason) => Promise.resolve(void startedOver.push(reason)),
    reportInventory: () => Promise.resolve(),
    onBroken: (error) => assert.fail(String(error)),
  });
  const committed = { boot: 2, sequence: 1, instance: "a" };
  const known = { term: 1, incarnation: LIFE, committed, maintenance: false };
  await body({
    receive: async (directive) => {
      directives.receive(encodeDirective({ ...known, ...directive }));
      await directives.idle;
    },
    startedOver,
    maintenance,
    sent: () => sent,
    outbox,
    pass: (ms) => void (nowMs += ms),
  });
}

const COPIES: Partial<Directive>[] = [
  { committed: { boot: 2, sequence: 2, instance: "b" } },
  { committed: { boot: 3, sequence: 1, instance: "b" } },
  { incarnation: "another" },
];

test("an agent that the log does not hold begins anew at once in a conflict", async () => {
  for (const copy of COPIES) {
    await withAgent(async ({ receive, startedOver, maintenance }) => {
      await receive({ ...copy, maintenance: true, contested: true });
      assert.equal(startedOver.length, 1, JSON.stringify(copy));
      assert.equal(maintenance.active, true);
    });
  }
});

test("without a conflict it begins anew when that stands for a while", async () => {
  for (const copy of COPIES) {
    await withAgent(async ({ receive, startedOver, pass }) => {
      for (let count = 0; count < CONTRADICTIONS; count += 1) {
        await receive(copy);
        pass(CONTRADICTION_MS / CONTRADICTIONS);
      }
      assert.deepEqual(startedOver, []);
      await receive(copy);
      assert.equal(startedOver.length, 1, JSON.stringify(copy));
    });
  }
});

test("the agent that the log holds keeps still in a conflict, and then sends again", async () => {
  await withAgent(async ({ receive, startedOver, maintenance, sent }) => {
    await receive({ maintenance: true, contested: true });
    assert.deepEqual([maintenance.active, sent()], [true, 1]);
    await receive({ maintenance: false });
    await until(() => sent() === 2, "the batch again");
    await receive({ maintenance: false });
    assert.deepEqual([maintenance.active, startedOver, sent()], [false, [], 2]);
  });
});

test("what the log has of an agent that it does not go on with is not told again", async () => {
  await withAgent(async ({ receive, outbox }) => {
    const left = (instance: string, incarnation = LIFE): Partial<Directive> => ({
      ...COPIES[1],
      left: { incarnation, committed: { boot: 2, sequence: 2, instance } },
    });
    await receive(left("b"));
    await receive(left("a", "another"));
    assert.equal(outbox.size, 2);
    await receive(left("a"));
    assert.equal(outbox.size, 1);
  });
});
