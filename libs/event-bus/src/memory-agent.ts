/**
 * An agent's end of the in-memory bus.
 *
 * Keeps the bounds of limits.ts and answers every publication exactly once, like the real adapter.
 * Made by `MemoryBus.agent`.
 */
import { assert } from "@atoll/stdx";
import { BusError } from "./bus-error.ts";
import {
  PUBLISH_TIMEOUT_MS,
  PUBLISHED_BYTES_IN_FLIGHT_MAX,
  PUBLISHES_IN_FLIGHT_MAX,
} from "./limits.ts";
import { MemoryLink } from "./memory-link.ts";
import type { BusScheduler } from "./memory-link.ts";
import { PAYLOAD_BYTES_MAX } from "./port.ts";
import type { AgentBus, ConnectionState, Unsubscribe } from "./port.ts";

/** What an agent can do at the server. */
export interface AgentServer {
  reachable(): boolean;
  /** Stores a message, or says why not. */
  store(node: string, payload: Uint8Array): BusError | undefined;
  heartbeat(node: string, payload: Uint8Array): void;
}

type OrderHandler = (payload: Uint8Array, reply: (payload: Uint8Array) => void) => void;
type ProbeHandler = (answer: (heartbeat: Uint8Array) => void) => void;
type Finish = (error: BusError | undefined) => void;

export class MemoryAgent implements AgentBus {
  readonly node: string;
  readonly link: MemoryLink;
  readonly #server: AgentServer;
  readonly #directiveHandlers = new Set<(payload: Uint8Array) => void>();
  readonly #probeHandlers = new Set<ProbeHandler>();
  #orderHandler: OrderHandler | undefined;
  /** Publications that wait for their acknowledgement. */
  readonly #waiting = new Set<Finish>();
  #waitingBytes = 0;

  constructor(scheduler: BusScheduler, server: AgentServer, node: string) {
    this.node = node;
    this.#server = server;
    this.link = new MemoryLink(scheduler, this, () => server.reachable());
    this.link.connect();
  }

  publishFacts(payload: Uint8Array, done: (error: Error | undefined) => void): void {
    const refusal = this.#refusal(payload);
    if (refusal !== undefined) {
      this.link.scheduler.deliver("refusal", () => done(refusal));
      return;
    }
    const late = new BusError("TIMEOUT", `no acknowledgement in ${PUBLISH_TIMEOUT_MS} ms`);
    const forgetTimer = this.link.scheduler.after(PUBLISH_TIMEOUT_MS, () => finish(late));
    const finish: Finish = (error) => {
      if (!this.#waiting.delete(finish)) return;
      this.#waitingBytes -= payload.length;
      forgetTimer();
      done(error);
    };
    this.#waiting.add(finish);
    this.#waitingBytes += payload.length;
    this.link.up("fact", () => {
      const error = this.#server.store(this.node, payload);
      this.link.down("acknowledgement", () => finish(error));
    });
  }

  publishHeartbeat(payload: Uint8Array): void {
    if (payload.length > PAYLOAD_BYTES_MAX) return;
    this.link.up("heartbeat", () => this.#server.heartbeat(this.node, payload));
  }

  onOrder(handler: OrderHandler): Unsubscribe {
    assert(this.#orderHandler === undefined, "one order handler at a time");
    this.#orderHandler = handler;
    return () => {
      if (this.#orderHandler === handler) this.#orderHandler = undefined;
    };
  }

  onDirective(handler: (payload: Uint8Array) => void): Unsubscribe {
    const told = (payload: Uint8Array): void => handler(payload);
    this.#directiveHandlers.add(told);
    return () => {
      this.#directiveHandlers.delete(told);
    };
  }

  onProbe(handler: ProbeHandler): Unsubscribe {
    const told: ProbeHandler = (answer) => handler(answer);
    this.#probeHandlers.add(told);
    return () => {
      this.#probeHandlers.delete(told);
    };
  }

  onConnection(handler: (state: ConnectionState) => void): Unsubscribe {
    return this.link.teller.on(handler);
  }

  close(): Promise<void> {
    if (!this.link.ended) {
      this.link.end();
      this.#finishAll(new BusError("CLOSED", "the bus was closed"));
    }
    return Promise.resolve();
  }

  /** Whether an order sent now finds somebody. */
  get listens(): boolean {
    return this.link.connected && this.#orderHandler !== undefined;
  }

  /** The server passes an order on; `reply` takes the answer back to it. */
  order(payload: Uint8Array, reply: (payload: Uint8Array) => void): void {
    this.link.down("order", () => {
      let answered = false;
      this.#orderHandler?.(payload, (answer) => {
        if (answered) return;
        answered = true;
        this.link.up("orderReply", () => reply(answer));
      });
    });
  }

  /** The server passes a directive on. */
  directive(payload: Uint8Array): void {
    this.link.down("directive", () => {
      for (const handler of [...this.#directiveHandlers]) handler(payload);
    });
  }

  /** The server passes a probe on; `answer` takes the heartbeat back to it. */
  probe(answer: (heartbeat: Uint8Array) => void): void {
    const toServer = (heartbeat: Uint8Array): void =>
      this.link.up("heartbeat", () => answer(heartbeat));
    this.link.down("probe", () => {
      for (const handler of [...this.#probeHandlers]) handler(toServer);
    });
  }

  linkOpened(): void {
    // Nothing is kept for later: what was not sent was refused.
  }

  linkClosed(): void {
    this.#finishAll(new BusError("DISCONNECTED", "the connection ended before the answer came"));
  }

  #refusal(payload: Uint8Array): BusError | undefined {
    if (payload.length > PAYLOAD_BYTES_MAX) {
      return new BusError("TOO_LARGE", `${payload.length} bytes, at most ${PAYLOAD_BYTES_MAX}`);
    }
    if (this.link.ended) return new BusError("CLOSED", "the bus was closed");
    if (!this.link.connected) return new BusError("NOT_CONNECTED", this.link.teller.state.reason);
    const full =
      this.#waiting.size >= PUBLISHES_IN_FLIGHT_MAX ||
      this.#waitingBytes + payload.length > PUBLISHED_BYTES_IN_FLIGHT_MAX;
    if (full) return new BusError("OVERLOADED", `${this.#waiting.size} are unacknowledged`);
    return undefined;
  }

  #finishAll(error: BusError): void {
    for (const finish of [...this.#waiting]) finish(error);
  }
}
