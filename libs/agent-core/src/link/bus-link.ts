/**
 * The agent's whole conversation with the orchestrator, over one bus.
 *
 * Wires what speaks (facts, heartbeats) and what listens (orders, directives) to the bus, and tells
 * those whom it concerns when it comes and goes. Decides nothing itself.
 */
import { type ActionReplyCode, encodeFactBatch } from "@atoll/codec/agent";
import type { AgentProcess, DatacenterName, NodeName } from "@atoll/domain";
import type { AgentBus, ConnectionState } from "@atoll/event-bus";
import type { Clock, Prng } from "@atoll/stdx";
import type { ActionExecutor } from "../actions/action-executor.ts";
import { OrderDesk } from "../actions/order-desk.ts";
import { FactSender } from "../outbox/fact-sender.ts";
import type { AgentStorage } from "../storage/agent-storage.ts";
import { Directives } from "./directives.ts";
import { Heartbeats } from "./heartbeats.ts";

/** What is worth telling of a conversation. */
export interface BusLinkEvents {
  connectionChanged(connected: boolean, reason: string): void;
  orderAnswered(code: ActionReplyCode, reason: string, action: string | undefined): void;
  resend(cause: string): void;
  publishFailed(error: Error): void;
  oddMessage(what: string, reason: string): void;
  startedOver(reason: string, incarnation: string): void;
}

export interface BusLinkOptions {
  readonly config: {
    readonly datacenter: DatacenterName;
    readonly node: NodeName;
    readonly mode: "act" | "observe";
  };
  /** Who this start of the agent is; what the bus sees of it is added here. */
  readonly process: Omit<AgentProcess, "address">;
  readonly bus: AgentBus;
  readonly storage: AgentStorage;
  readonly executor: Pick<ActionExecutor, "run" | "hasBegun">;
  /** Told when the bus comes and goes. */
  readonly standing: { connectionChanged(connected: boolean): void };
  readonly events: BusLinkEvents;
  readonly clock: Clock;
  readonly random: Prng;
  /** Tells all there is once more, after a new incarnation was taken. */
  readonly announce: () => Promise<void>;
  /** Looks at the machine and reports its inventory. */
  readonly lookAnew: () => Promise<void>;
  readonly onBroken: (error: unknown) => void;
}

export class BusLink implements AsyncDisposable {
  readonly #options: BusLinkOptions;
  readonly #sender: FactSender;
  readonly #heartbeats: Heartbeats;
  readonly #unsubscribes: (() => void)[] = [];
  #connection: ConnectionState = { connected: false, reason: "not connected yet", server: "" };

  constructor(options: BusLinkOptions) {
    this.#options = options;
    const { config, bus, storage, events, random } = options;
    const { datacenter, node } = config;
    const { outbox, maintenance } = storage;
    const incarnation = (): string => storage.identity().incarnation;
    this.#sender = new FactSender({
      node,
      incarnation,
      outbox,
      bus,
      encode: (batch) => encodeFactBatch(datacenter, batch),
      random,
      onPublishFailed: (error) => events.publishFailed(error),
      onResend: (cause) => events.resend(cause),
    });
    this.#heartbeats = new Heartbeats({
      datacenter,
      node,
      incarnation,
      outbox,
      maintenance,
      bus,
      server: () => this.#connection.server,
      process: () => ({ ...options.process, address: this.#connection.address ?? "" }),
      random: random.child("heartbeats"),
    });
  }

  get connection(): { readonly connected: boolean; readonly reason: string } {
    return this.#connection;
  }

  /** Begins to listen and to speak. */
  start(): void {
    const { bus, standing } = this.#options;
    const desk = this.#makeDesk();
    const directives = this.#makeDirectives();
    standing.connectionChanged(false);
    this.#unsubscribes.push(
      bus.onConnection((state) => this.#connectionChanged(state)),
      bus.onOrder((payload, reply) => desk.receive(payload, reply)),
      bus.onDirective((payload) => directives.receive(payload)),
    );
    this.#heartbeats.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const unsubscribe of this.#unsubscribes) unsubscribe();
    this.#heartbeats[Symbol.dispose]();
    this.#sender[Symbol.dispose]();
    await this.#options.bus.close();
  }

  #connectionChanged(state: ConnectionState): void {
    const { events, standing } = this.#options;
    const { connected, reason } = state;
    if (connected !== this.#connection.connected) events.connectionChanged(connected, reason);
    this.#connection = state;
    this.#sender.connectionChanged(connected);
    standing.connectionChanged(connected);
    if (connected) this.#heartbeats.beat();
  }

  #makeDesk(): OrderDesk {
    const { config, storage, executor, events, onBroken } = this.#options;
    return new OrderDesk({
      journal: storage.journal,
      executor,
      incarnation: () => storage.identity().incarnation,
      instance: this.#options.process.instance,
      mode: config.mode,
      storageFailure: () => storage.database.failure,
      onAnswered: (code, reason, order) => events.orderAnswered(code, reason, order?.action),
      onBroken,
    });
  }

  #makeDirectives(): Directives {
    const { storage, events, clock, announce, lookAnew, onBroken } = this.#options;
    return new Directives({
      incarnation: () => storage.identity().incarnation,
      journal: storage.journal,
      outbox: storage.outbox,
      sender: this.#sender,
      maintenance: storage.maintenance,
      clock,
      onOdd: (what, reason) => events.oddMessage(what, reason),
      reportInventory: async () => {
        storage.outbox.forgetInventory();
        await lookAnew();
      },
      startOver: async (reason) => {
        await storage.startOver();
        events.startedOver(reason, storage.identity().incarnation);
        await announce();
        this.#sender.rewind();
      },
      onBroken,
    });
  }
}
