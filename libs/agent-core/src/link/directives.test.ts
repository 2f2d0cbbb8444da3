/** Directives over a disk that stands still: what counts before anything is stored. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeDirective } from "@atoll/codec/agent";
import { Prng } from "@atoll/stdx";
import { ActionJournal } from "../actions/action-journal.ts";
import { judgeOrder } from "../actions/fencing.ts";
import { FactSender } from "../outbox/fact-sender.ts";
import { Outbox } from "../outbox/outbox.ts";
import { START } from "../outbox/position.ts";
import { AgentDatabase } from "../storage/agent-database.ts";
import { MemoryDisk } from "../storage/memory-disk.ts";
import { Directives } from "./directives.ts";
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
