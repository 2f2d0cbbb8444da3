/**
 * An agent as the protocol demands of it, for measuring: real connection, real encoding, outbox in
 * memory.
 *
 * Each fact remembers when it was taken in; its latency ends when a directive says that it is in
 * the replicated log, applied by the leader. Runs in the load process; many in one.
 */
import {
  decodeActionOrder,
  decodeDirective,
  encodeActionReply,
  encodeFactBatch,
  encodeHeartbeat,
} from "@atoll/codec";
import {
  type DatacenterName,
  type Fact,
  FACTS_PER_BATCH_MAX,
  type NodeName,
  type Order,
  type OutboxPosition,
  type ServiceKey,
  type ServiceStatus,
} from "@atoll/domain";
import type { AgentBus } from "@atoll/event-bus";
import { connectAgentBus } from "@atoll/event-bus-nats";

const HEARTBEAT_MS = 1_000;
const RESEND_MS = 5_000;
/** Batches of one agent on their way to the stream. */
const BATCHES_IN_FLIGHT_MAX = 4;
/** With it a fact is about 256 bytes as it stands in the log. */
const PADDING: string = "x".repeat(190);

interface Waiting {
  readonly fact: Fact;
  readonly takenAtMs: number;
}

export interface BenchAgentOptions {
  readonly datacenter: string;
  readonly natsUrl: string;
  readonly node: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly committed: (latencyMs: number) => void;
  readonly ordered: (order: Order, atMs: number) => void;
}

export class BenchAgent {
  readonly #options: BenchAgentOptions;
  readonly #bus: AgentBus;
  readonly #incarnation: string;
  readonly #timers: NodeJS.Timeout[];
  /** The outbox: facts behind `#committed`, in order. */
  #outbox: Waiting[] = [];
  #committed = 0;
  #sent = 0;
  #inFlight = 0;
  #progressAtMs: number = performance.now();
  #count = 0;
  #server = "";

  constructor(options: BenchAgentOptions) {
    const { datacenter, natsUrl, node } = options;
    this.#options = options;
    this.#incarnation = `bench-${node}-${Date.now()}`;
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    this.#bus = connectAgentBus({ url: natsUrl, datacenter, node, log });
    this.#bus.onDirective((payload) => this.#directive(payload));
    this.#bus.onProbe((answer) => answer(this.#heartbeat()));
    this.#bus.onOrder((payload, reply) => this.#order(payload, reply));
    this.#bus.onConnection(({ connected, server }) => {
      this.#server = server;
      if (connected) this.#beat();
    });
    this.#timers = [
      setInterval(() => this.#beat(), HEARTBEAT_MS),
      setInterval(() => this.#resend(), RESEND_MS / 5),
    ];
    this.#take({
      type: "agentStarted",
      observedAtMs: Date.now(),
      agentVersion: "bench",
      bootId: "bench",
      labels: options.labels,
      services: [],
      files: [],
    });
  }

  get waiting(): number {
    return this.#outbox.length;
  }

  /** One more fact of about 256 bytes about `service`, a change each time. */
  change({ key, digest }: { readonly key: ServiceKey; readonly digest: string }): void {
    this.#count += 1;
    this.observe(key, "healthy", digest, `${this.#count} ${PADDING}`);
  }

  observe(key: ServiceKey, status: ServiceStatus, digest: string, reason: string): void {
    const service = { key, digest, status, pid: 1, reason };
    this.#take({ type: "serviceObserved", observedAtMs: Date.now(), service });
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#bus.close();
  }

  #take(fact: Fact): void {
    this.#outbox.push({ fact, takenAtMs: performance.now() });
    this.#send();
  }

  #send(): void {
    while (this.#inFlight < BATCHES_IN_FLIGHT_MAX) {
      const from = this.#sent - this.#committed;
      const waiting = this.#outbox.slice(from, from + FACTS_PER_BATCH_MAX);
      if (waiting.length === 0) return;
      const sequence = this.#sent + 1;
      const payload = encodeFactBatch(this.#options.datacenter as DatacenterName, {
        node: this.#options.node as NodeName,
        incarnation: this.#incarnation,
        previous: position(this.#sent),
        first: position(sequence),
        facts: waiting.map(({ fact }) => fact),
      });
      this.#sent += waiting.length;
      this.#inFlight += 1;
      this.#bus.publishFacts(payload, (error) => {
        this.#inFlight -= 1;
        if (error === undefined) this.#send();
      });
    }
  }

  #resend(): void {
    const stuck = this.#outbox.length > 0 && performance.now() - this.#progressAtMs > RESEND_MS;
    if (!stuck) return;
    this.#progressAtMs = performance.now();
    this.#sent = this.#committed;
    this.#send();
  }

  #beat(): void {
    this.#bus.publishHeartbeat(this.#heartbeat());
  }

  #heartbeat(): Uint8Array {
    return encodeHeartbeat({
      datacenter: this.#options.datacenter as DatacenterName,
      node: this.#options.node as NodeName,
      incarnation: this.#incarnation,
      last: position(this.#committed + this.#outbox.length),
      committed: position(this.#committed),
      maintenance: false,
      server: this.#server,
    });
  }

  #directive(payload: Uint8Array): void {
    const decoded = decodeDirective(payload);
    if (decoded.type === "undecodable" || decoded.value.incarnation !== this.#incarnation) return;
    const through = decoded.value.committed.sequence;
    if (through <= this.#committed) return;
    const nowMs = performance.now();
    this.#progressAtMs = nowMs;
    const done = this.#outbox.splice(0, through - this.#committed);
    this.#committed = through;
    this.#sent = Math.max(this.#sent, through);
    for (const { takenAtMs } of done) this.#options.committed(nowMs - takenAtMs);
  }

  #order(payload: Uint8Array, reply: (payload: Uint8Array) => void): void {
    const atMs = performance.now();
    const decoded = decodeActionOrder(payload);
    if (decoded.type === "undecodable") return;
    const { action, term, order } = decoded.value;
    reply(encodeActionReply({ code: "accepted", reason: "", term }));
    this.#options.ordered(order, atMs);
    if (order.type === "startService" || order.type === "restartService") {
      this.observe(order.service.key, "healthy", order.service.digest, "");
    }
    const observedAtMs = Date.now();
    this.#take({
      type: "actionFinished",
      observedAtMs,
      action,
      outcome: "succeeded",
      reason: "",
      durationMs: 0,
    });
  }
}

function position(sequence: number): OutboxPosition {
  return sequence === 0 ? { boot: 0, sequence: 0 } : { boot: 1, sequence };
}
