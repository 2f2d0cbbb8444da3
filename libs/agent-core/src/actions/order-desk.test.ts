/** The desk: an answer is given when what it promises is durable, and every message gets one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ActionReply,
  decodeActionReply,
  encodeActionOrder,
  encodeWithdrawal,
} from "@atoll/codec/agent";
import type { ActionId, TargetKey } from "@atoll/domain";
import { Outbox } from "../outbox/outbox.ts";
import { AgentDatabase } from "../storage/agent-database.ts";
import { MemoryDisk } from "../storage/memory-disk.ts";
import { until } from "../testing/until.ts";
import { ActionJournal } from "./action-journal.ts";
import { OrderDesk } from "./order-desk.ts";

interface Bench {
  readonly disk: MemoryDisk;
  readonly database: AgentDatabase;
  readonly replies: ActionReply[];
  readonly ran: string[];
  readonly begun: Set<string>;
  send(payload: Uint8Array): void;
}

async function withDesk(body: (bench: Bench) => Promise<void>): Promise<void> {
  const disk = new MemoryDisk();
  await using database = await AgentDatabase.open({ open: () => disk.open(), onFailure() {} });
  const outbox = await Outbox.open({ database, boot: 1 });
  const replies: ActionReply[] = [];
  const ran: string[] = [];
  const begun = new Set<string>();
  const desk = new OrderDesk({
    journal: await ActionJournal.open(database, outbox),
    executor: {
      hasBegun: (action) => begun.has(action),
      run: (entry) => {
        ran.push(entry.action);
        return Promise.resolve();
      },
    },
    incarnation: () => "life",
    mode: "act",
    storageFailure: () => database.failure,
    onAnswered: () => undefined,
    onBroken: (error) => assert.fail(String(error)),
  });
  const send = (payload: Uint8Array): void => {
    desk.receive(payload, (reply) => {
      const decoded = decodeActionReply(reply);
      assert.ok(decoded.type === "decoded");
      replies.push(decoded.value);
    });
  };
  await body({ disk, database, replies, ran, begun, send });
}

function order(generation: number, term = 3): Uint8Array {
  return encodeActionOrder({
    term,
    action: `n1-${generation}` as ActionId,
    generation,
    target: "file:/a" as TargetKey,
    timeoutMs: 1_000,
    order: { type: "removeFile", path: "/a" },
    incarnation: "life",
  });
}

test("neither an order nor its repetition is accepted before its entry is durable", () =>
  withDesk(async ({ disk, database, replies, ran, send }) => {
    disk.failure = new Error("ENOSPC");
    send(order(1));
    await until(() => database.failure !== undefined, "the disk is full");
    send(order(1));
    send(order(2));
    await until(() => replies.length > 0, "the new order is answered");
    assert.deepEqual(
      replies.map((reply) => [reply.code, reply.reason]),
      [["unable", "the agent cannot store: ENOSPC"]],
    );
    assert.deepEqual(ran, []);
    disk.failure = undefined;
    await until(() => replies.length === 3, "both are answered");
    assert.deepEqual(
      replies.slice(1).map((reply) => reply.code),
      ["accepted", "accepted"],
    );
    assert.deepEqual(ran, ["n1-1"]);
  }));

test("a newer term counts from the first order that bears it, whatever becomes of that", () =>
  withDesk(async ({ replies, ran, send }) => {
    send(order(5));
    send(order(5, 4));
    send(order(6, 3));
    await until(() => replies.length === 3, "all are answered");
    send(order(1, 5));
    send(order(7, 4));
    await until(() => replies.length === 5, "all are answered");
    assert.deepEqual(replies.map(({ code }) => code).toSorted(), [
      "accepted",
      "accepted",
      "staleGeneration",
      "staleTerm",
      "staleTerm",
    ]);
    assert.deepEqual(ran, ["n1-5"]);
  }));

test("bytes that are no order are refused with the reason", () =>
  withDesk(async ({ replies, send }) => {
    send(Buffer.from("not an order"));
    send(new Uint8Array(0));
    await until(() => replies.length === 2, "both are answered");
    for (const reply of replies) assert.match(reply.reason, /^not understood: ./);
  }));

function withdrawal(generation: number, more: { term?: number; incarnation?: string } = {}) {
  const action = `n1-${generation}` as ActionId;
  const target = "file:/a" as TargetKey;
  return encodeWithdrawal({ term: 3, action, generation, target, incarnation: "life", ...more });
}

function codes(replies: readonly ActionReply[]): readonly string[] {
  return replies.map(({ code }) => code);
}

test("what is withdrawn before its order arrives never begins, also after a restart", () =>
  withDesk(async ({ disk, replies, ran, send }) => {
    send(withdrawal(1));
    await until(() => replies.length === 1, "the withdrawal is answered");
    assert.ok(disk.content.has("action!n1-1"));
    send(order(1));
    send(withdrawal(1));
    await until(() => replies.length === 3, "all are answered");
    assert.deepEqual(codes(replies), ["withdrawn", "unable", "withdrawn"]);
    assert.deepEqual(ran, []);
    await using database = await AgentDatabase.open({ open: () => disk.open(), onFailure() {} });
    const again = await ActionJournal.open(database, await Outbox.open({ database, boot: 2 }));
    assert.ok(again.isWithdrawn("n1-1" as ActionId));
    assert.deepEqual(again.open(), []);
  }));

test("what waits for its turn is withdrawn, what has begun goes on", () =>
  withDesk(async ({ replies, begun, send }) => {
    send(order(1));
    await until(() => replies.length === 1, "the order is accepted");
    begun.add("n1-1");
    send(withdrawal(1));
    await until(() => replies.length === 2, "the withdrawal is answered");
    begun.delete("n1-1");
    send(withdrawal(1));
    await until(() => replies.length === 3, "the second is answered");
    assert.deepEqual(codes(replies), ["accepted", "begun", "withdrawn"]);
  }));

test("withdrawals are fenced like orders", () =>
  withDesk(async ({ replies, ran, send }) => {
    send(order(2));
    await until(() => replies.length === 1, "the order is accepted");
    send(withdrawal(3, { incarnation: "other" }));
    send(withdrawal(3, { term: 2 }));
    // A newer order for the target keeps it from beginning.
    send(withdrawal(1));
    await until(() => replies.length === 4, "all are answered");
    assert.deepEqual(codes(replies), ["accepted", "otherIncarnation", "staleTerm", "withdrawn"]);
    assert.deepEqual(ran, ["n1-2"]);
  }));
