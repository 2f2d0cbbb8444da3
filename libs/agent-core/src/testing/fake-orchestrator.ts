/**
 * The orchestrator's side in small, for the agent's tests: takes facts in by watermark, answers
 * with directives, sends orders.
 *
 * Follows the same rules as the domain's acceptance of facts. Works on any bus. Keeps everything it
 * was told, so that tests can ask whether something was lost, repeated or out of order.
 */
import assert from "node:assert/strict";
import {
  type ActionReply,
  decodeActionReply,
  decodeFactBatch,
  decodeHeartbeat,
  encodeActionOrder,
  encodeWithdrawal,
  encodeDirective,
  type Heartbeat,
} from "@atoll/codec/agent";
import {
  type ActionId,
  type Fact,
  fileTarget,
  type NodeName,
  type Order,
  type OutboxPosition,
  type ServiceObservation,
  serviceTarget,
  type TargetKey,
} from "@atoll/domain";
import { allHeartbeatShards, type OrchestratorBus } from "@atoll/event-bus";
import { comparePositions, START } from "../outbox/position.ts";
import { until } from "./until.ts";

const ORDER_TIMEOUT_MS = 2_000;

export class FakeOrchestrator {
  readonly facts: Fact[] = [];
  readonly heartbeats: Heartbeat[] = [];
  readonly node: NodeName;
  term = 1;
  incarnation = "";
  watermark: OutboxPosition = START;
  maintenance = false;
  /** While false, facts are read and not taken in, as by a leader that cannot commit. */
  commits = true;
  batches = 0;
  repeatedFacts = 0;
  generation = 0;
  readonly #bus: OrchestratorBus;

  constructor(bus: OrchestratorBus, node: string) {
    this.#bus = bus;
    this.node = node as NodeName;
    bus.readFacts(undefined, (batch, ready) => {
      for (const message of batch.messages) if (message.node === node) this.#take(message.payload);
      ready();
    });
    bus.hearShards(allHeartbeatShards());
    bus.onHeartbeat((from, payload) => {
      if (from === node) this.#heard(payload);
    });
  }

  /** What the node has, by the facts taken in. */
  get services(): ReadonlyMap<string, ServiceObservation> {
    const services = new Map<string, ServiceObservation>();
    for (const fact of this.facts) {
      if (fact.type === "agentStarted") {
        services.clear();
        for (const service of fact.services) services.set(service.key, service);
      }
      if (fact.type === "serviceObserved") services.set(fact.service.key, fact.service);
      if (fact.type === "serviceForgotten") services.delete(fact.key);
    }
    return services;
  }

  ofType<T extends Fact["type"]>(type: T): Extract<Fact, { type: T }>[] {
    return this.facts.filter((fact) => fact.type === type) as Extract<Fact, { type: T }>[];
  }

  /** Sends an order once and gives back the reply; undefined when none came. */
  async send(
    order: Order,
    more: {
      readonly action?: string;
      readonly term?: number;
      readonly incarnation?: string;
      readonly generation?: number;
      readonly timeoutMs?: number;
    } = {},
  ): Promise<(ActionReply & { readonly action: ActionId }) | undefined> {
    this.generation = Math.max(this.generation + 1, more.generation ?? 0);
    const generation = more.generation ?? this.generation;
    const action = (more.action ?? `${this.node}-${generation}`) as ActionId;
    const payload = encodeActionOrder({
      term: more.term ?? this.term,
      action,
      generation,
      target: targetOf(order),
      timeoutMs: more.timeoutMs ?? 30_000,
      order,
      incarnation: more.incarnation ?? this.incarnation,
    });
    const reply = await new Promise<Uint8Array | undefined>((resolve) => {
      this.#bus.sendOrder(this.node, payload, ORDER_TIMEOUT_MS, resolve);
    });
    if (reply === undefined) return undefined;
    const decoded = decodeActionReply(reply);
    assert.ok(decoded.type === "decoded", "the reply can be decoded");
    return { ...decoded.value, action };
  }

  /** Takes an action back and gives the agent's answer. */
  async withdraw(order: Order, generation: number): Promise<ActionReply | undefined> {
    const { term, incarnation } = this;
    const action = `${this.node}-${generation}` as ActionId;
    const target = targetOf(order);
    const payload = encodeWithdrawal({ term, action, generation, target, incarnation });
    const reply = await new Promise<Uint8Array | undefined>((resolve) => {
      this.#bus.sendOrder(this.node, payload, ORDER_TIMEOUT_MS, resolve);
    });
    if (reply === undefined) return undefined;
    const decoded = decodeActionReply(reply);
    assert.ok(decoded.type === "decoded", "the reply can be decoded");
    return decoded.value;
  }

  /** Sends an order, expects it to be accepted, and waits for its result. */
  async carryOut(order: Order): Promise<Extract<Fact, { type: "actionFinished" }>> {
    const reply = await this.send(order);
    assert.equal(reply?.code, "accepted", reply?.reason);
    return await this.result(reply?.action ?? "");
  }

  async result(action: string): Promise<Extract<Fact, { type: "actionFinished" }>> {
    const find = (): Extract<Fact, { type: "actionFinished" }> | undefined =>
      this.ofType("actionFinished").find((fact) => fact.action === action);
    await until(() => find() !== undefined, `${action} is finished`);
    return find() as Extract<Fact, { type: "actionFinished" }>;
  }

  direct(): void {
    const { term, incarnation, watermark: committed, maintenance } = this;
    if (incarnation === "") return;
    this.#bus.sendDirective(
      this.node,
      encodeDirective({ term, incarnation, committed, maintenance }),
    );
  }

  #take(payload: Uint8Array): void {
    const decoded = decodeFactBatch(payload);
    assert.ok(decoded.type === "decoded", decoded.type === "undecodable" ? decoded.reason : "");
    this.batches += 1;
    if (!this.commits) return;
    const { batch } = decoded.value;
    if (batch.incarnation !== this.incarnation) {
      if (comparePositions(batch.previous, START) !== 0) return;
      this.incarnation = batch.incarnation;
      this.watermark = START;
    }
    if (comparePositions(batch.previous, this.watermark) > 0) return;
    const last = {
      boot: batch.first.boot,
      sequence: batch.first.sequence + batch.facts.length - 1,
    };
    const seen =
      batch.first.boot === this.watermark.boot
        ? Math.max(0, this.watermark.sequence - batch.first.sequence + 1)
        : 0;
    const old = comparePositions(last, this.watermark) <= 0;
    this.repeatedFacts += old ? batch.facts.length : seen;
    if (!old) {
      this.facts.push(...batch.facts.slice(seen));
      this.watermark = last;
    }
    this.direct();
  }

  #heard(payload: Uint8Array): void {
    const decoded = decodeHeartbeat(payload);
    assert.ok(decoded.type === "decoded", decoded.type === "undecodable" ? decoded.reason : "");
    const heartbeat = decoded.value;
    this.heartbeats.push(heartbeat);
    const known = comparePositions(heartbeat.committed, this.watermark) === 0;
    if (!known || heartbeat.maintenance !== this.maintenance) this.direct();
  }
}

function targetOf(order: Order): TargetKey {
  switch (order.type) {
    case "writeFile":
      return fileTarget(order.file.path);
    case "removeFile":
      return fileTarget(order.path);
    case "startService":
    case "restartService":
      return serviceTarget(order.service.key);
    case "stopService":
      return serviceTarget(order.key);
  }
}
