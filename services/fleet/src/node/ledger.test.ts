/** The ledger beside agents that break the rules it watches. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeActionOrder, encodeActionReply, encodeDirective } from "@atoll/codec/agent";
import type { AgentBus } from "@atoll/event-bus";
import { Ledger } from "./ledger.ts";

type Handler = (payload: Uint8Array, reply: (payload: Uint8Array) => void) => void;

/** An agent that accepts whatever it is sent, at once or when `answer` is called. */
class Careless {
  readonly violations: string[] = [];
  readonly accepted: string[] = [];
  readonly replies: Uint8Array[] = [];
  incarnation = "life-1";
  readonly ledger: Ledger;
  readonly #order: Handler;
  readonly #direct: (payload: Uint8Array) => void;
  readonly #held: (() => void)[] = [];

  constructor(options: { readonly holds?: boolean } = {}) {
    this.ledger = new Ledger({
      incarnation: () => this.incarnation,
      onOrder: () => {},
      onAccepted: ({ action }) => this.accepted.push(action),
      onDirective: () => {},
      onViolation: (violation) => this.violations.push(violation),
    });
    let order: Handler = () => {};
    let direct = (_payload: Uint8Array): void => {};
    const bus: Partial<AgentBus> = {
      onOrder: (handler) => ((order = handler), () => {}),
      onDirective: (handler) => ((direct = handler), () => {}),
    };
    const watched = this.ledger.watch(bus as AgentBus);
    const accepted = encodeActionReply({ code: "accepted", reason: "", term: 1 });
    watched.onOrder((_payload, reply) => {
      if (options.holds === true) this.#held.push(() => reply(accepted));
      else reply(accepted);
    });
    watched.onDirective(() => {});
    this.#order = order;
    this.#direct = direct;
  }

  order(number: number, more: { term?: number; generation?: number; incarnation?: string } = {}) {
    const payload = encodeActionOrder({
      term: more.term ?? 1,
      action: `n1-${number}` as never,
      generation: more.generation ?? number,
      target: "service:web/app" as never,
      timeoutMs: 1_000,
      order: { type: "stopService", key: "web/app" as never },
      incarnation: more.incarnation ?? "life-1",
    });
    this.#order(payload, (reply) => this.replies.push(reply));
  }

  direct(term: number, incarnation = "life-1"): void {
    const committed = { boot: 1, sequence: 1 };
    this.#direct(encodeDirective({ term, incarnation, committed, maintenance: false }));
  }

  answer(): void {
    for (const give of this.#held.splice(0)) give();
  }
}

test("orders that are in order pass, repetitions too, and are counted once", () => {
  const agent = new Careless();
  agent.order(1);
  agent.order(1);
  agent.direct(2);
  agent.order(2, { term: 2 });
  agent.ledger.began("n1-1" as never);
  agent.ledger.began("n1-2" as never);
  assert.deepEqual(agent.violations, []);
  assert.deepEqual(agent.accepted, ["n1-1", "n1-2"]);
  assert.equal(agent.replies.length, 3);
});

test("an action that runs twice is a violation", () => {
  const agent = new Careless();
  agent.order(1);
  agent.ledger.began("n1-1" as never);
  agent.ledger.began("n1-1" as never);
  assert.deepEqual(agent.violations, ["repeated"]);
});

test("an order of an older term, generation or life that is accepted is a violation", () => {
  const byTerm = new Careless();
  byTerm.direct(3);
  byTerm.order(1, { term: 2 });
  assert.deepEqual(byTerm.violations, ["unfenced"]);
  const byGeneration = new Careless();
  byGeneration.order(5);
  byGeneration.order(4);
  assert.deepEqual(byGeneration.violations, ["unfenced"]);
  const byLife = new Careless();
  byLife.order(1, { incarnation: "life-0" });
  assert.deepEqual(byLife.violations, ["unfenced"]);
});

test("an order is judged as of its arrival, and a new life begins anew", () => {
  const slow = new Careless({ holds: true });
  slow.order(1, { term: 2 });
  slow.direct(3);
  slow.answer();
  assert.deepEqual(slow.violations, []);
  slow.incarnation = "life-2";
  slow.order(1, { term: 1, incarnation: "life-2", generation: 1 });
  slow.answer();
  assert.deepEqual(slow.violations, []);
});
