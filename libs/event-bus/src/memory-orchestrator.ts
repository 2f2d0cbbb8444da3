/**
 * An orchestrator's end of the in-memory bus.
 *
 * Reads, forgets, orders and directs with the same promises as the real adapter. Made by
 * `MemoryBus.orchestrator`.
 */
import { assert } from "@atoll/stdx";
import { heartbeatShardOf } from "./heartbeat-shards.ts";
import { ORDERS_IN_FLIGHT_MAX } from "./limits.ts";
import { MemoryLink } from "./memory-link.ts";
import type { BusScheduler } from "./memory-link.ts";
import { MemoryReading } from "./memory-reading.ts";
import type { MemoryStream } from "./memory-stream.ts";
import { PAYLOAD_BYTES_MAX } from "./port.ts";
import type { ConnectionState, OrchestratorBus, StreamBatch, Unsubscribe } from "./port.ts";

/** What an orchestrator can do at the server. */
export interface OrchestratorServer {
  reachable(): boolean;
  /** The stream as it is now. */
  stream(): MemoryStream;
  /** Gives the stream up for a new, empty one. */
  replaceStream(): void;
  forget(created: string, sequence: number): void;
  directive(node: string, payload: Uint8Array): void;
  /** Returns false when nobody listens. */
  order(node: string, payload: Uint8Array, reply: (payload: Uint8Array) => void): boolean;
  probe(node: string, answer: (heartbeat: Uint8Array) => void): void;
  watch(replica: number, payload: Uint8Array): void;
}

/** One of many heartbeats that come together. */
export interface Beat {
  readonly node: string;
  readonly shard: number;
  readonly payload: Uint8Array;
}

type HeartbeatHandler = (node: string, payload: Uint8Array) => void;
type WatchHandler = (replica: number, payload: Uint8Array) => void;
type Settle = (reply: Uint8Array | undefined) => void;

export class MemoryOrchestrator implements OrchestratorBus {
  readonly link: MemoryLink;
  readonly #server: OrchestratorServer;
  readonly #heartbeatHandlers = new Set<HeartbeatHandler>();
  readonly #watchHandlers = new Set<WatchHandler>();
  readonly #orders = new Set<Settle>();
  #shards: ReadonlySet<number> = new Set();
  #reading: MemoryReading | undefined;

  constructor(scheduler: BusScheduler, server: OrchestratorServer) {
    this.#server = server;
    this.link = new MemoryLink(scheduler, this, () => server.reachable());
    this.link.connect();
  }

  readFacts(
    after: { readonly created: string; readonly sequence: number } | undefined,
    handler: (batch: StreamBatch, ready: () => void) => void,
  ): Unsubscribe {
    assert(this.#reading === undefined, "one reading at a time");
    const reading = new MemoryReading(this.link, this.#server, after, handler);
    this.#reading = reading;
    if (this.link.connected) reading.open();
    return () => {
      reading.stop();
      if (this.#reading === reading) this.#reading = undefined;
    };
  }

  forgetFacts(created: string, sequence: number): void {
    this.link.up("forget", () => this.#server.forget(created, sequence));
  }

  onHeartbeat(handler: HeartbeatHandler): Unsubscribe {
    const told: HeartbeatHandler = (node, payload) => handler(node, payload);
    this.#heartbeatHandlers.add(told);
    return () => {
      this.#heartbeatHandlers.delete(told);
    };
  }

  hearShards(shards: ReadonlySet<number>): void {
    this.#shards = new Set(shards);
  }

  probe(node: string): void {
    const answer = (heartbeat: Uint8Array): void => this.#deliver(node, heartbeat);
    this.link.up("probe", () => this.#server.probe(node, answer));
  }

  publishWatch(replica: number, payload: Uint8Array): void {
    if (payload.length > PAYLOAD_BYTES_MAX) return;
    this.link.up("watch", () => this.#server.watch(replica, payload));
  }

  onWatch(handler: WatchHandler): Unsubscribe {
    const told: WatchHandler = (replica, payload) => handler(replica, payload);
    this.#watchHandlers.add(told);
    return () => {
      this.#watchHandlers.delete(told);
    };
  }

  sendDirective(node: string, payload: Uint8Array): void {
    if (payload.length > PAYLOAD_BYTES_MAX) return;
    this.link.up("directive", () => this.#server.directive(node, payload));
  }

  sendOrder(node: string, payload: Uint8Array, timeoutMs: number, done: Settle): void {
    const possible =
      this.link.connected &&
      payload.length <= PAYLOAD_BYTES_MAX &&
      this.#orders.size < ORDERS_IN_FLIGHT_MAX;
    if (!possible) {
      this.link.scheduler.deliver("refusal", () => done(undefined));
      return;
    }
    const forgetTimer = this.link.scheduler.after(timeoutMs, () => settle(undefined));
    const settle: Settle = (reply) => {
      if (!this.#orders.delete(settle)) return;
      forgetTimer();
      done(reply);
    };
    this.#orders.add(settle);
    const answer: Settle = (reply) => this.link.down("orderReply", () => settle(reply));
    this.link.up("order", () => {
      if (!this.#server.order(node, payload, answer)) answer(undefined);
    });
  }

  onConnection(handler: (state: ConnectionState) => void): Unsubscribe {
    return this.link.teller.on(handler);
  }

  onLink(handler: (state: ConnectionState) => void): Unsubscribe {
    return this.link.teller.on(handler);
  }

  close(): Promise<void> {
    this.#reading?.stop();
    this.#reading = undefined;
    if (!this.link.ended) this.link.end();
    return Promise.resolve();
  }

  /** The server passes a heartbeat on. */
  heartbeat(node: string, payload: Uint8Array): void {
    if (this.#shards.has(heartbeatShardOf(node))) this.#deliver(node, payload);
  }

  /** The server passes heartbeats on: one delivery, whatever there is for this orchestrator. */
  heartbeats(beats: readonly Beat[]): void {
    if (this.#heartbeatHandlers.size === 0) return;
    const own = beats.filter(({ shard }) => this.#shards.has(shard));
    this.link.down("heartbeat", () => {
      for (const handler of [...this.#heartbeatHandlers]) {
        for (const { node, payload } of own) handler(node, payload);
      }
    });
  }

  /** The server passes a watch report on. */
  watch(replica: number, payload: Uint8Array): void {
    if (this.#watchHandlers.size === 0) return;
    this.link.down("watch", () => {
      for (const handler of [...this.#watchHandlers]) handler(replica, payload);
    });
  }

  /** The stream has something new, or is another one. */
  streamChanged(): void {
    this.#reading?.wake();
  }

  #deliver(node: string, payload: Uint8Array): void {
    if (this.#heartbeatHandlers.size === 0) return;
    this.link.down("heartbeat", () => {
      for (const handler of [...this.#heartbeatHandlers]) handler(node, payload);
    });
  }

  linkOpened(): void {
    this.#reading?.open();
  }

  linkClosed(): void {
    this.#reading?.interrupt();
    for (const settle of [...this.#orders]) settle(undefined);
  }
}
