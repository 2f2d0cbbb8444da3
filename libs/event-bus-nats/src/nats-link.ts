/**
 * One client's connection to NATS, kept for ever.
 *
 * States: dialling → open → pausing → dialling …, until ended. Each open connection is a new one of
 * the client library, whose own reconnection is off: so nothing that belongs to a lost connection
 * (subscriptions, requests, buffered messages) can live on in the next. The owner sets up at
 * `opened` and tears down at `closed`. Used by both ends of the bus.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { ConnectionTeller } from "@atoll/event-bus";
import { Backoff } from "./backoff.ts";
import type { BackoffBounds } from "./backoff.ts";
import { describeError, guarded } from "./bus-log.ts";
import type { BusLog } from "./bus-log.ts";
import { dial } from "./dial.ts";
import type { Dialled } from "./dial.ts";

const DIAL_TIMEOUT_MS = 3_000;
/** A silent server is given up after two pings without an answer. */
const PING_INTERVAL_MS = 2_000;
const PINGS_OUTSTANDING_MAX = 2;
/** A connection that lived shorter counts as one more failure. */
const STABLE_AFTER_MS = 2_000;
const FLUSH_AT_CLOSE_MS = 1_000;
const SERVER_NAME = /^[!-~]{1,64}$/;

export interface LinkSettings {
  /** `nats://host:port`, several separated by commas. */
  readonly url: string;
  /** Shown by the server's own tools. */
  readonly name: string;
  /** First token of every reply subject of this client. */
  readonly inboxPrefix: string;
  readonly backoff: BackoffBounds;
}

export interface LinkOwner {
  linkOpened(connection: NatsConnection): void;
  linkClosed(reason: string): void;
}

export class NatsLink {
  readonly teller: ConnectionTeller = new ConnectionTeller("not connected yet");
  readonly #settings: LinkSettings;
  readonly #owner: LinkOwner;
  readonly #log: BusLog;
  readonly #backoff: Backoff;
  readonly #servers: readonly string[];
  #connection: NatsConnection | undefined;
  /** Those to dial next. */
  #dialNext: readonly string[];
  #ended = false;
  #endPause: (() => void) | undefined;

  constructor(settings: LinkSettings, owner: LinkOwner, log: BusLog) {
    this.#settings = settings;
    this.#owner = owner;
    this.#log = log;
    this.#backoff = new Backoff(settings.backoff);
    this.#servers = settings.url.split(",").map((server) => server.trim());
    this.#dialNext = this.#servers;
  }

  /** The open connection, if there is one. */
  get connection(): NatsConnection | undefined {
    return this.#connection;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Begins to connect. Called once. */
  start(): void {
    void this.#run();
  }

  /** Goes from this server to another, if there is one. */
  leave(reason: string): void {
    const connection = this.#connection;
    const server = connection?.getServer() ?? "";
    const others = this.#servers.filter((url) => url.split(/\/\/|@/).at(-1) !== server);
    if (connection === undefined || others.length === this.#servers.length) return;
    if (others.length === 0) return;
    this.#log.warn("the bus server is left for another", {
      server: serverName(connection),
      reason,
    });
    this.#dialNext = others;
    void connection.close();
  }

  /** Sends what is buffered, closes, and never connects again. */
  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#endPause?.();
    const connection = this.#connection;
    if (connection !== undefined) {
      await Promise.race([connection.flush().catch(() => undefined), delay(FLUSH_AT_CLOSE_MS)]);
      await connection.close();
    }
    this.teller.disconnected("closed");
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      const reason = await this.#live();
      if (this.#ended) return;
      const pauseMs = this.#backoff.nextMs();
      if (this.teller.state.reason !== reason) {
        this.#log.warn("the bus is not connected", { url: this.#settings.url, reason });
      }
      guarded(() => this.teller.disconnected(reason));
      await this.#pause(pauseMs);
    }
  }

  /** Dials once and stays as long as the connection lives. Returns why there is none any more. */
  async #live(): Promise<string> {
    let dialled: Dialled;
    try {
      dialled = await this.#dial();
    } catch (error) {
      return `${this.#settings.url}: ${describeError(error)}`;
    }
    const { connection } = dialled;
    if (this.#ended) {
      await connection.close();
      return "closed";
    }
    const openedAtMs = performance.now();
    const closed = connection.closed();
    this.#connection = connection;
    void this.#watch(dialled);
    guarded(() => this.#owner.linkOpened(connection));
    guarded(() => this.teller.connected(serverName(connection), connection.info?.client_ip));
    const error = await closed;
    this.#connection = undefined;
    const words = error instanceof Error ? describeError(error) : "the server ended the connection";
    const reason = this.#ended ? "closed" : `${this.#settings.url}: ${words}`;
    guarded(() => this.#owner.linkClosed(reason));
    if (performance.now() - openedAtMs >= STABLE_AFTER_MS) this.#backoff.reset();
    return reason;
  }

  #dial(): Promise<Dialled> {
    const servers = [...this.#dialNext];
    this.#dialNext = this.#servers;
    return dial({
      servers,
      name: this.#settings.name,
      inboxPrefix: this.#settings.inboxPrefix,
      reconnect: false,
      timeout: DIAL_TIMEOUT_MS,
      pingInterval: PING_INTERVAL_MS,
      maxPingOut: PINGS_OUTSTANDING_MAX,
      ignoreClusterUpdates: true,
      noAsyncTraces: true,
    });
  }

  /** Cuts a silent server off. Logs what it complains about, for example a refused subject. */
  async #watch({ connection, cut }: Dialled): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === "staleConnection") cut();
      if (status.type !== "error") continue;
      this.#log.warn("the bus server complains", { error: describeError(status.error) });
    }
  }

  #pause(pauseMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, pauseMs);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Named by its operator, or by itself at each start. */
function serverName({ info }: NatsConnection): string {
  const name = info?.server_name ?? "";
  return SERVER_NAME.test(name) ? name : (info?.server_id ?? "");
}

function delay(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, delayMs).unref();
  });
}
