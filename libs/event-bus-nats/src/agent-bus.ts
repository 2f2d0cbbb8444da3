/**
 * An agent's end of the bus over NATS.
 *
 * Speaks and listens as its own node only, so that the server can restrict it to these subjects and
 * to its own reply subjects, `_INBOX_NODE.>`. It never touches the stream's administration. Used by
 * the agent's composition root.
 */
import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import {
  BusError,
  PAYLOAD_BYTES_MAX,
  PUBLISH_TIMEOUT_MS,
  PUBLISHED_BYTES_IN_FLIGHT_MAX,
  PUBLISHES_IN_FLIGHT_MAX,
} from "@atoll/event-bus";
import type { AgentBus, ConnectionState, Unsubscribe } from "@atoll/event-bus";
import { assert } from "@atoll/stdx";
import { Answers } from "./answers.ts";
import { guarded } from "./bus-log.ts";
import type { BusLog } from "./bus-log.ts";
import { NatsLink } from "./nats-link.ts";
import { publicationError } from "./publication.ts";
import { fits, send } from "./send.ts";
import { Subjects } from "./subjects.ts";

/** Thousands of agents may return at the same moment. */
const BACKOFF = { firstMs: 100, mostMs: 3_000 };

export interface AgentBusOptions {
  /** `nats://host:port`, several separated by commas. */
  readonly url: string;
  readonly datacenter: string;
  readonly node: string;
  readonly log: BusLog;
}

type OrderHandler = (payload: Uint8Array, reply: (payload: Uint8Array) => void) => void;
type ProbeHandler = (answer: (heartbeat: Uint8Array) => void) => void;
type DirectiveHandler = (payload: Uint8Array) => void;

/** Begins to connect and returns at once; `onConnection` tells when it is connected. */
export function connectAgentBus(options: AgentBusOptions): AgentBus {
  return new NatsAgentBus(options);
}

class NatsAgentBus implements AgentBus {
  readonly #link: NatsLink;
  readonly #answers: Answers;
  readonly #factSubject: string;
  readonly #heartbeatSubject: string;
  readonly #directiveSubject: string;
  readonly #probeSubject: string;
  readonly #orderSubject: string;
  readonly #directiveHandlers = new Set<DirectiveHandler>();
  readonly #probeHandlers = new Set<ProbeHandler>();
  #orderHandler: OrderHandler | undefined;
  #orderSubscription: Subscription | undefined;
  #waitingBytes = 0;

  constructor(options: AgentBusOptions) {
    const subjects = new Subjects(options.datacenter);
    this.#factSubject = subjects.of("fact", options.node);
    this.#heartbeatSubject = subjects.heartbeat(options.node);
    this.#directiveSubject = subjects.of("directive", options.node);
    this.#probeSubject = subjects.of("probe", options.node);
    this.#orderSubject = subjects.of("act", options.node);
    const inboxPrefix = `_INBOX_${options.node}`;
    this.#answers = new Answers(inboxPrefix);
    const name = `atoll-agent ${options.datacenter}/${options.node}`;
    const settings = { url: options.url, name, inboxPrefix, backoff: BACKOFF };
    this.#link = new NatsLink(settings, this, options.log);
    this.#link.start();
  }

  publishFacts(payload: Uint8Array, done: (error: Error | undefined) => void): void {
    const connection = this.#link.connection;
    const refusal = this.#refusal(payload);
    if (refusal !== undefined || connection === undefined) {
      setImmediate(done, refusal ?? new BusError("NOT_CONNECTED", "not connected"));
      return;
    }
    this.#waitingBytes += payload.length;
    const reply = this.#answers.expect(PUBLISH_TIMEOUT_MS, (outcome) => {
      this.#waitingBytes -= payload.length;
      done(publicationError(outcome));
    });
    send(connection, this.#factSubject, payload, { reply });
  }

  publishHeartbeat(payload: Uint8Array): void {
    if (payload.length > PAYLOAD_BYTES_MAX) return;
    send(this.#link.connection, this.#heartbeatSubject, payload);
  }

  onOrder(handler: OrderHandler): Unsubscribe {
    assert(this.#orderHandler === undefined, "one order handler at a time");
    this.#orderHandler = handler;
    if (this.#link.connection !== undefined) this.#listenForOrders(this.#link.connection);
    return () => {
      if (this.#orderHandler !== handler) return;
      this.#orderHandler = undefined;
      this.#orderSubscription?.unsubscribe();
      this.#orderSubscription = undefined;
    };
  }

  onDirective(handler: DirectiveHandler): Unsubscribe {
    const told: DirectiveHandler = (payload) => handler(payload);
    this.#directiveHandlers.add(told);
    return () => {
      this.#directiveHandlers.delete(told);
    };
  }

  onConnection(handler: (state: ConnectionState) => void): Unsubscribe {
    return this.#link.teller.on(handler);
  }

  async close(): Promise<void> {
    await this.#link.end();
  }

  onProbe(handler: ProbeHandler): Unsubscribe {
    const told: ProbeHandler = (answer) => handler(answer);
    this.#probeHandlers.add(told);
    return () => {
      this.#probeHandlers.delete(told);
    };
  }

  linkOpened(connection: NatsConnection): void {
    this.#answers.open(connection);
    connection.subscribe(this.#directiveSubject, {
      callback: (error, message) => {
        if (error === null) guarded(() => this.#directed(message));
      },
    });
    connection.subscribe(this.#probeSubject, {
      callback: (error, message) => {
        if (error === null) guarded(() => this.#probed(connection, message.reply));
      },
    });
    if (this.#orderHandler !== undefined) this.#listenForOrders(connection);
  }

  linkClosed(): void {
    this.#orderSubscription = undefined;
    this.#answers.close();
  }

  #listenForOrders(connection: NatsConnection): void {
    this.#orderSubscription = connection.subscribe(this.#orderSubject, {
      callback: (error, message) => {
        if (error === null) guarded(() => this.#ordered(connection, message));
      },
    });
  }

  #ordered(connection: NatsConnection, message: Msg): void {
    const reply = message.reply;
    // An order that wants no reply is not from an orchestrator.
    if (reply === undefined || reply === "") return;
    let answered = false;
    this.#orderHandler?.(message.data, (payload) => {
      if (answered) return;
      answered = true;
      send(connection, reply, payload);
    });
  }

  #probed(connection: NatsConnection, reply: string | undefined): void {
    if (reply === undefined || reply === "") return;
    for (const handler of this.#probeHandlers) {
      handler((heartbeat) => send(connection, reply, heartbeat));
    }
  }

  #directed(message: Msg): void {
    for (const handler of [...this.#directiveHandlers]) handler(message.data);
  }

  #refusal(payload: Uint8Array): BusError | undefined {
    if (payload.length > PAYLOAD_BYTES_MAX) {
      return new BusError("TOO_LARGE", `${payload.length} bytes, at most ${PAYLOAD_BYTES_MAX}`);
    }
    if (this.#link.ended) return new BusError("CLOSED", "the bus was closed");
    const connection = this.#link.connection;
    if (connection === undefined) {
      return new BusError("NOT_CONNECTED", this.#link.teller.state.reason);
    }
    if (!fits(connection, payload)) {
      return new BusError("TOO_LARGE", `the server takes ${connection.info?.max_payload} bytes`);
    }
    const full =
      this.#answers.size >= PUBLISHES_IN_FLIGHT_MAX ||
      this.#waitingBytes + payload.length > PUBLISHED_BYTES_IN_FLIGHT_MAX;
    if (full) return new BusError("OVERLOADED", `${this.#answers.size} are unacknowledged`);
    return undefined;
  }
}
