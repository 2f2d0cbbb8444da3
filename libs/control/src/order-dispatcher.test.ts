/**
 * What is said to agents about an action: ordered, withdrawn, asked again, and never both.
 */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Datacenter, type DomainEvent, evolve, type RecordedEvent } from "@atoll/domain";
import { sampleEvents } from "@atoll/domain/testing";
import { OrderDispatcher } from "./order-dispatcher.ts";
import type { OrderReply } from "./ports.ts";

const RESEND_MS = 1_000;
const { action } = sampleEvents.actionPlanned;
const PAUSED: DomainEvent = { type: "actionsPaused", reason: "the switch burns" };

let view: Datacenter;
let said: { what: "order" | "withdrawal"; answer: (reply: OrderReply) => void }[];
let dispatcher: OrderDispatcher;
let nowMs: number;
let index: number;

beforeEach(() => {
  view = new Datacenter();
  said = [];
  nowMs = 0;
  index = 0;
  dispatcher = new OrderDispatcher({
    link: {
      sendOrder: (_order, answer) => void said.push({ what: "order", answer }),
      sendWithdrawal: (_order, answer) => void said.push({ what: "withdrawal", answer }),
      sendDirective: () => undefined,
      forgetFacts: () => undefined,
    },
    observer: { batchCommitted: () => undefined, orderAnswered: () => undefined },
    resendEveryMs: RESEND_MS,
  });
  log(sampleEvents.nodeDiscovered, sampleEvents.actionPlanned);
  dispatcher.lead(3);
  dispatcher.addOpen(view.node(sampleEvents.nodeDiscovered.node));
});

function log(...events: readonly RecordedEvent["event"][]): void {
  for (const event of events) {
    index += 1;
    evolve(view, event, { index, offset: 0, stampMs: index }, "user/ada");
  }
}

/** What is said once its time has come; the answer to it. */
function next(reply?: OrderReply): readonly string[] {
  nowMs += RESEND_MS;
  dispatcher.resend(view, nowMs);
  const what = said.map((one) => one.what);
  for (const one of said.splice(0)) if (reply !== undefined) one.answer(reply);
  return what;
}

test("an order is sent until it is accepted", () => {
  assert.deepEqual(next({ type: "silent" }), ["order"]);
  assert.deepEqual(next({ type: "accepted" }), ["order"]);
  assert.deepEqual(next(), []);
  assert.deepEqual(dispatcher.takeEndings(), []);
});

test("a refusal fails the action", () => {
  next({ type: "refused", reason: "it only looks" });
  const { node } = sampleEvents.actionPlanned;
  const reason = "it only looks";
  assert.deepEqual(dispatcher.takeEndings(), [{ type: "fail", node, action, reason }]);
  assert.deepEqual(next(), []);
});

test("what a user took back is withdrawn until the agent answers, and then cancelled", () => {
  next({ type: "accepted" });
  log(sampleEvents.actionCancelRequested);
  assert.deepEqual(next({ type: "silent" }), ["withdrawal"]);
  assert.deepEqual(next({ type: "refused", reason: "the disk is full" }), ["withdrawal"]);
  assert.deepEqual(next({ type: "withdrawn" }), ["withdrawal"]);
  const { node } = sampleEvents.actionPlanned;
  const reason = "cancelled by user/ada: the wrong rack";
  assert.deepEqual(dispatcher.takeEndings(), [{ type: "cancel", node, action, reason }]);
  assert.deepEqual(next(), []);
});

test("what has begun is left to its result", () => {
  log(sampleEvents.actionCancelRequested);
  assert.deepEqual(next({ type: "begun" }), ["withdrawal"]);
  assert.deepEqual(next(), []);
  assert.deepEqual(dispatcher.takeEndings(), []);
});

test("in a pause nothing is ordered: what no agent has accepted is withdrawn", () => {
  assert.deepEqual(next({ type: "silent" }), ["order"]);
  log(PAUSED);
  assert.deepEqual(next({ type: "withdrawn" }), ["withdrawal"]);
  const { node } = sampleEvents.actionPlanned;
  const reason = "paused before its agent had taken it: the switch burns";
  assert.deepEqual(dispatcher.takeEndings(), [{ type: "cancel", node, action, reason }]);
});

test("in a pause what an agent has accepted goes on, also when only the agent knows", () => {
  next({ type: "accepted" });
  log(PAUSED);
  assert.deepEqual(next(), []);
  dispatcher.resign();
  dispatcher.lead(4);
  dispatcher.addOpen(view.node(sampleEvents.nodeDiscovered.node));
  assert.deepEqual(next({ type: "begun" }), ["withdrawal"]);
  log({ type: "actionsResumed" });
  assert.deepEqual(next(), []);
});

test("after a pause an order that was neither accepted nor given back is sent again", () => {
  log(PAUSED);
  assert.deepEqual(next({ type: "silent" }), ["withdrawal"]);
  log({ type: "actionsResumed" });
  assert.deepEqual(next({ type: "accepted" }), ["order"]);
});
