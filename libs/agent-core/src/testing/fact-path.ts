/**
 * The whole path of facts over real nats-servers: outboxes and senders of several nodes at one end,
 * the domain's decision and a log at the other.
 *
 * The log is in memory and keeps all that a replicated one does: the state made of its events, and
 * the position in the stream. Nodes report without pause while a test does harm to the servers;
 * `finish` then demands each fact of each node in the log, once and in order. Only tests use it.
 */
import assert from "node:assert/strict";
import {
  decodeDirective,
  decodeFactBatch,
  encodeDirective,
  encodeFactBatch,
} from "@atoll/codec/agent";
import {
  Datacenter,
  type DatacenterName,
  decide,
  evolveEntry,
  type Fact,
  type NodeName,
  type ServiceKey,
} from "@atoll/domain";
import type { AgentBus, OrchestratorBus, StreamBatch } from "@atoll/event-bus";
import { connectAgentBus, connectOrchestratorBus } from "@atoll/event-bus-nats";
import { type TestNats, until } from "@atoll/event-bus-nats/testing";
import { Prng } from "@atoll/stdx";
import { FactSender } from "../outbox/fact-sender.ts";
import { Outbox } from "../outbox/outbox.ts";
import { AgentDatabase } from "../storage/agent-database.ts";
import { MemoryDisk } from "../storage/memory-disk.ts";

const DATACENTER = "dc1" as DatacenterName;
export const FACT_STREAM = "ATOLL_FACTS_dc1";
const NODES = ["n1", "n2", "n3"] as const;
const REPORT_EVERY_MS = 20;
/** As a heartbeat would make it known. */
const DIRECT_EVERY_MS = 500;
const DEADLINE_MS = 120_000;
const log = { info: (): void => {}, warn: (): void => {} };

interface Node {
  readonly name: NodeName;
  readonly outbox: Outbox;
  readonly sender: FactSender;
  readonly bus: AgentBus;
  readonly database: AgentDatabase;
  reported: number;
}

export class FactPath implements AsyncDisposable {
  readonly nats: TestNats;
  readonly #nodes: readonly Node[];
  readonly #timers: NodeJS.Timeout[];
  readonly #state = new Datacenter();
  /** Of each node the numbers in the log, in its order. */
  readonly #logged = new Map<string, number[]>();
  #bus: OrchestratorBus;
  #index = 0;
  #repeated = 0;
  #streams = new Set<string>();

  private constructor(nats: TestNats, nodes: readonly Node[]) {
    this.nats = nats;
    this.#nodes = nodes;
    this.#bus = this.#lead();
    this.#timers = [
      setInterval(() => this.#report(), REPORT_EVERY_MS),
      setInterval(() => this.#direct(), DIRECT_EVERY_MS),
    ];
  }

  static async start(nats: TestNats): Promise<FactPath> {
    const nodes = await Promise.all(NODES.map((name) => startNode(name as NodeName, nats)));
    return new FactPath(nats, nodes);
  }

  /** How many facts are in the log. */
  get logged(): number {
    return [...this.#logged.values()].reduce((sum, numbers) => sum + numbers.length, 0);
  }

  /** How many were read that the log had already. */
  get repeated(): number {
    return this.#repeated;
  }

  /** How many streams were read, by their time of creation. */
  get streams(): number {
    return this.#streams.size;
  }

  /** Waits until so many more facts of all nodes together are in the log. */
  async more(count: number): Promise<void> {
    const wanted = this.logged + count;
    await until(`${wanted} facts are in the log`, () => this.logged >= wanted, DEADLINE_MS);
  }

  /** Another replica leads, after `between`: it reads from where the log stands. */
  async changeLeader(between?: () => Promise<void>): Promise<void> {
    await this.#bus.close();
    await between?.();
    this.#bus = this.#lead();
  }

  /** No more is reported. Everything that was must be in the log, once and in order. */
  async finish(): Promise<void> {
    clearInterval(this.#timers[0]);
    const isIdle = (): boolean =>
      this.#nodes.every((node) => node.sender.isIdle && node.outbox.size === 0);
    await until("every fact is committed and forgotten", isIdle, DEADLINE_MS);
    for (const { name, reported } of this.#nodes) {
      const wanted = Array.from({ length: reported }, (_, at) => at + 1);
      assert.deepEqual(this.#logged.get(name), wanted, name);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    for (const { sender } of this.#nodes) sender[Symbol.dispose]();
    await Promise.all([this.#bus.close(), ...this.#nodes.map(({ bus }) => bus.close())]);
    await Promise.all(this.#nodes.map(({ database }) => database[Symbol.asyncDispose]()));
    await this.nats[Symbol.asyncDispose]();
  }

  #report(): void {
    for (const node of this.#nodes) {
      node.reported += 1;
      void node.outbox.append(factOf(node.reported));
    }
  }

  #lead(): OrchestratorBus {
    const { url, streamReplicas } = this.nats;
    const options = { url, datacenter: DATACENTER, log, streamReplicas, forgetEveryMs: 100 };
    const bus = connectOrchestratorBus(options);
    bus.readFacts(this.#state.stream, (batch, ready) => {
      this.#commit(batch);
      const stream = this.#state.stream;
      if (stream !== undefined) bus.forgetFacts(stream.created, stream.sequence);
      ready();
    });
    return bus;
  }

  /** One batch is one entry. */
  #commit({ created, messages }: StreamBatch): void {
    this.#streams.add(created);
    for (const { payload, sequence } of messages) {
      const decoded = decodeFactBatch(payload);
      assert.ok(decoded.type === "decoded");
      const { batch } = decoded.value;
      const context = { nowMs: this.#index, actor: "", requestId: "" };
      const decision = decide(this.#state, { type: "acceptFacts", batch }, context);
      assert.ok(decision.type === "decided");
      const events = decision.events.map((event) => ({ event, actor: "" }));
      this.#index += 1;
      evolveEntry(
        this.#state,
        { stampMs: this.#index, stream: { created, sequence }, events },
        this.#index,
      );
      const numbers = decision.events.flatMap((event) =>
        event.type === "serviceStatusChanged" ? [event.service.pid] : [],
      );
      this.#repeated += batch.facts.length - numbers.length;
      this.#logged.set(batch.node, [...(this.#logged.get(batch.node) ?? []), ...numbers]);
    }
    this.#direct();
  }

  #direct(): void {
    for (const { name } of this.#nodes) {
      const known = this.#state.node(name);
      if (known === undefined) continue;
      const { incarnation, watermark: committed } = known;
      const payload = encodeDirective({ term: 1, incarnation, committed, maintenance: false });
      this.#bus.sendDirective(name, payload);
    }
  }
}

async function startNode(name: NodeName, { url }: TestNats): Promise<Node> {
  const disk = new MemoryDisk();
  const database = await AgentDatabase.open({ open: () => disk.open(), onFailure() {} });
  const outbox = await Outbox.open({ database, boot: 1 });
  const bus = connectAgentBus({ url, datacenter: DATACENTER, node: name, log });
  const sender = new FactSender({
    node: name,
    incarnation: () => `life-of-${name}`,
    outbox,
    bus,
    encode: (batch) => encodeFactBatch(DATACENTER, batch),
    random: new Prng(1).child(name),
    onPublishFailed() {},
    onResend() {},
  });
  bus.onConnection(({ connected }) => sender.connectionChanged(connected));
  bus.onDirective((payload) => {
    const decoded = decodeDirective(payload);
    assert.ok(decoded.type === "decoded");
    void sender.committed(decoded.value.committed);
  });
  return { name, outbox, sender, bus, database, reported: 0 };
}

function factOf(number: number): Fact {
  const service = {
    key: "web/app" as ServiceKey,
    digest: "d",
    status: "healthy" as const,
    pid: number,
    reason: "",
  };
  return { type: "serviceObserved", observedAtMs: number, service };
}
