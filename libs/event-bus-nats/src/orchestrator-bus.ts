/**
 * An orchestrator's end of the bus over NATS.
 *
 * Makes the stream, reads it, lets it forget; hears heartbeats; sends directives and orders. Counts
 * as connected only while the stream is there too. Every replica of a datacenter has one; only the
 * leader reads. Used by the orchestrator's composition root.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { ConnectionTeller, ORDERS_IN_FLIGHT_MAX, STREAM_BYTES_MAX } from "@atoll/event-bus";
import type { ConnectionState, OrchestratorBus, StreamBatch, Unsubscribe } from "@atoll/event-bus";
import { assert } from "@atoll/stdx";
import { Administration } from "./administration.ts";
import { Answers } from "./answers.ts";
import { Backoff } from "./backoff.ts";
import { describeError, guarded } from "./bus-log.ts";
import type { BusLog } from "./bus-log.ts";
import { FactReader } from "./fact-reader.ts";
import type { Position } from "./fact-reader.ts";
import { Foreign } from "./foreign.ts";
import type { ForeignSample } from "./foreign.ts";
import { HeartbeatLane } from "./heartbeat-lane.ts";
import { NatsLink } from "./nats-link.ts";
import { send } from "./send.ts";
import { StreamKeeper } from "./stream-keeper.ts";
import { isToken, Subjects } from "./subjects.ts";

const FORGET_EVERY_MS = 100;
const FORGET_AT_LATEST_MS = 60_000;
const BACKOFF = { firstMs: 50, mostMs: 1_000 };
/** No node can have this name: a node's has no underscore. */
const INBOX_PREFIX = "_INBOX__orchestrator";

export interface OrchestratorBusOptions {
  /** `nats://host:port`, several separated by commas. */
  readonly url: string;
  readonly datacenter: string;
  readonly log: BusLog;
  /** What the stream holds before it refuses. Default 1 GiB. */
  readonly streamBytesMax?: number;
  /** How many servers of a NATS cluster keep the stream: 1, 3 or 5. Default 1. */
  readonly streamReplicas?: number;
  /**
   * The stream forgets no more often than this. Default 100. When it would keep agents waiting it
   * is put off, for a minute at most.
   */
  readonly forgetEveryMs?: number;
}

export interface BusStatistics {
  /** Messages that were not ours. */
  readonly foreignMessages: number;
  /** The newest of them. */
  readonly foreignSamples: readonly ForeignSample[];
  /** Messages that the stream of facts lacks by its numbering, of the present reading. */
  readonly missingMessages: number;
  /** Orders that wait for their reply. */
  readonly ordersInFlight: number;
}

export interface NatsOrchestratorBus extends OrchestratorBus {
  statistics(): BusStatistics;
}

type HeartbeatHandler = (node: string, payload: Uint8Array) => void;

/** Begins to connect and returns at once; `onConnection` tells when it is connected. */
export function connectOrchestratorBus(options: OrchestratorBusOptions): NatsOrchestratorBus {
  return new OrchestratorBusOverNats(options);
}

class OrchestratorBusOverNats implements NatsOrchestratorBus {
  readonly #subjects: Subjects;
  readonly #log: BusLog;
  readonly #link: NatsLink;
  readonly #administration: Administration;
  readonly #keeper: StreamKeeper;
  readonly #orders = new Answers(INBOX_PREFIX);
  readonly #foreign = new Foreign();
  readonly #teller = new ConnectionTeller("not connected yet");
  readonly #heartbeats: HeartbeatLane;
  readonly #backoff = new Backoff(BACKOFF);
  #reader: FactReader | undefined;
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(options: OrchestratorBusOptions) {
    this.#subjects = new Subjects(options.datacenter);
    this.#log = options.log;
    const stream = {
      bytesMax: options.streamBytesMax ?? STREAM_BYTES_MAX,
      replicas: options.streamReplicas ?? 1,
      forgetEveryMs: options.forgetEveryMs ?? FORGET_EVERY_MS,
      forgetAtLatestMs: FORGET_AT_LATEST_MS,
    };
    this.#heartbeats = new HeartbeatLane(this.#subjects, this.#foreign, INBOX_PREFIX);
    this.#administration = new Administration((reason) => this.#link.leave(reason));
    this.#keeper = new StreamKeeper(this.#subjects, stream, this.#administration, options.log);
    const name = `atoll-orchestrator ${options.datacenter}`;
    const settings = { url: options.url, name, inboxPrefix: INBOX_PREFIX, backoff: BACKOFF };
    this.#link = new NatsLink(settings, this, options.log);
    this.#link.teller.on((state) => {
      if (!state.connected) this.#teller.disconnected(state.reason);
    });
    this.#link.start();
  }

  readFacts(
    after: Position | undefined,
    handler: (batch: StreamBatch, ready: () => void) => void,
  ): Unsubscribe {
    assert(this.#reader === undefined, "one reading at a time");
    const reader = new FactReader(
      {
        subjects: this.#subjects,
        inboxPrefix: INBOX_PREFIX,
        keeper: this.#keeper,
        administration: this.#administration,
        foreign: this.#foreign,
        log: this.#log,
        state: (trouble) => this.#streamState(trouble),
      },
      after,
      handler,
    );
    this.#reader = reader;
    if (this.#link.connection !== undefined) reader.open(this.#link.connection);
    return () => {
      reader.stop();
      if (this.#reader === reader) this.#reader = undefined;
    };
  }

  forgetFacts(created: string, sequence: number): void {
    if (this.#reader !== undefined) this.#reader.forget(created, sequence);
    else this.#keeper.forget(created, sequence, 0);
  }

  onHeartbeat(handler: HeartbeatHandler): Unsubscribe {
    return this.#heartbeats.onHeartbeat(handler);
  }

  hearShards(shards: ReadonlySet<number>): void {
    this.#heartbeats.hearShards(shards);
  }

  probe(node: string): void {
    this.#heartbeats.probe(node);
  }

  publishWatch(replica: number, payload: Uint8Array): void {
    this.#heartbeats.publishWatch(replica, payload);
  }

  onWatch(handler: (replica: number, payload: Uint8Array) => void): Unsubscribe {
    return this.#heartbeats.onWatch(handler);
  }

  sendDirective(node: string, payload: Uint8Array): void {
    if (isToken(node)) send(this.#link.connection, this.#subjects.of("directive", node), payload);
  }

  sendOrder(
    node: string,
    payload: Uint8Array,
    timeoutMs: number,
    done: (reply: Uint8Array | undefined) => void,
  ): void {
    const connection = this.#link.connection;
    const possible = isToken(node) && this.#orders.size < ORDERS_IN_FLIGHT_MAX;
    if (connection === undefined || !possible) {
      setImmediate(done, undefined);
      return;
    }
    const reply = this.#orders.expect(timeoutMs, (outcome) => {
      done(outcome.type === "answer" ? outcome.message.data : undefined);
    });
    send(connection, this.#subjects.of("act", node), payload, { reply });
  }

  onConnection(handler: (state: ConnectionState) => void): Unsubscribe {
    return this.#teller.on(handler);
  }

  onLink(handler: (state: ConnectionState) => void): Unsubscribe {
    return this.#link.teller.on(handler);
  }

  async close(): Promise<void> {
    this.#reader?.stop();
    this.#reader = undefined;
    await this.#link.end();
  }

  statistics(): BusStatistics {
    return {
      foreignMessages: this.#foreign.total,
      foreignSamples: this.#foreign.samples(),
      missingMessages: this.#reader?.missing ?? 0,
      ordersInFlight: this.#orders.size,
    };
  }

  linkOpened(connection: NatsConnection): void {
    this.#administration.open(connection);
    this.#keeper.open(connection);
    this.#orders.open(connection);
    this.#heartbeats.open(connection);
    // A reading makes the stream by itself and tells how it went.
    if (this.#reader !== undefined) this.#reader.open(connection);
    else void this.#ensureStream(connection);
  }

  linkClosed(reason: string): void {
    clearTimeout(this.#retryTimer);
    this.#heartbeats.close();
    this.#administration.close();
    this.#keeper.close();
    this.#reader?.close();
    this.#orders.close();
    this.#teller.disconnected(reason);
  }

  async #ensureStream(connection: NatsConnection): Promise<void> {
    let trouble: string | undefined;
    try {
      await this.#keeper.ensure();
      this.#backoff.reset();
    } catch (error) {
      trouble = describeError(error);
    }
    if (connection !== this.#link.connection) return;
    guarded(() => this.#streamState(trouble));
    if (trouble === undefined || this.#reader !== undefined) return;
    const retry = (): void => void this.#ensureStream(connection);
    this.#retryTimer = setTimeout(retry, this.#backoff.nextMs());
  }

  #streamState(trouble: string | undefined): void {
    if (this.#link.connection === undefined) return;
    if (trouble === undefined) this.#teller.connected(this.#link.teller.state.server);
    else this.#teller.disconnected(`the stream ${this.#subjects.stream}: ${trouble}`);
  }
}
