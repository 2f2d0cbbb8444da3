/**
 * One client's connection to the in-memory bus: two ordered lanes, up and down.
 *
 * The scheduler decides when something arrives; the lanes keep what one connection keeps, the order
 * within it. A connection that ends drops what is under way, or lets the upward part arrive
 * unacknowledged, as TCP may. Used by the clients in memory-agent.ts and memory-orchestrator.ts.
 */
import { BoundedQueue } from "@atoll/stdx";
import { ConnectionTeller } from "./connection-teller.ts";
import type { Unsubscribe } from "./port.ts";

/** What is being delivered, for schedulers that treat kinds differently. */
export type Delivery =
  | "connect"
  | "fact"
  | "acknowledgement"
  | "batch"
  | "forget"
  | "heartbeat"
  | "probe"
  | "watch"
  | "directive"
  | "order"
  | "orderReply"
  | "refusal";

/** When things happen on the in-memory bus. A simulator gives virtual time, a test a real timer. */
export interface BusScheduler {
  /** Calls `run` once, later: never before this call returns. */
  deliver(delivery: Delivery, run: () => void): void;
  /** Whether a message is lost on its way; absent: none ever is. */
  loses?(delivery: Delivery): boolean;
  /** Calls `run` once after `delayMs`, unless the returned function was called before. */
  after(delayMs: number, run: () => void): Unsubscribe;
}

/** What happens to messages under way to the server when a connection ends. */
export type InFlight = "lost" | "arrives";

/** Deliveries under way in one direction of one connection; more are dropped. */
const LANE_DELIVERIES_MAX = 65_536;

class Lane {
  readonly #scheduler: BusScheduler;
  readonly #tasks = new BoundedQueue<() => void>(LANE_DELIVERIES_MAX);

  constructor(scheduler: BusScheduler) {
    this.#scheduler = scheduler;
  }

  send(delivery: Delivery, task: () => void): void {
    if (this.#scheduler.loses?.(delivery) === true || !this.#tasks.push(task)) return;
    this.#scheduler.deliver(delivery, () => this.#tasks.shift()?.());
  }

  end(inFlight: InFlight): void {
    const tasks = this.#tasks.drain();
    if (inFlight === "arrives") for (const task of tasks) task();
  }
}

export interface LinkOwner {
  linkOpened(): void;
  linkClosed(): void;
}

export class MemoryLink {
  readonly teller: ConnectionTeller = new ConnectionTeller("not connected yet");
  readonly scheduler: BusScheduler;
  readonly #owner: LinkOwner;
  readonly #reachable: () => boolean;
  #lanes: { readonly up: Lane; readonly down: Lane } | undefined;
  #cut = false;
  #ended = false;

  constructor(scheduler: BusScheduler, owner: LinkOwner, reachable: () => boolean) {
    this.scheduler = scheduler;
    this.#owner = owner;
    this.#reachable = reachable;
  }

  get connected(): boolean {
    return this.#lanes !== undefined;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Connects soon, unless something is in the way; then the bus calls again when it is gone. */
  connect(): void {
    this.scheduler.deliver("connect", () => {
      if (this.#ended || this.#cut || this.connected || !this.#reachable()) return;
      this.#lanes = { up: new Lane(this.scheduler), down: new Lane(this.scheduler) };
      this.teller.connected("memory");
      this.#owner.linkOpened();
    });
  }

  disconnect(reason: string, inFlight: InFlight): void {
    const lanes = this.#lanes;
    if (lanes === undefined) return;
    this.#lanes = undefined;
    lanes.down.end("lost");
    lanes.up.end(inFlight);
    this.#owner.linkClosed();
    this.teller.disconnected(reason);
  }

  cut(inFlight: InFlight): void {
    this.#cut = true;
    this.disconnect("the link is cut", inFlight);
  }

  heal(): void {
    this.#cut = false;
    this.connect();
  }

  end(): void {
    this.#ended = true;
    this.disconnect("closed", "lost");
    this.teller.disconnected("closed");
  }

  /** Runs `atServer` at the server's end; nothing happens when there is no connection. */
  up(delivery: Delivery, atServer: () => void): void {
    this.#lanes?.up.send(delivery, atServer);
  }

  /** Runs `atClient` at the client's end; nothing happens when there is no connection. */
  down(delivery: Delivery, atClient: () => void): void {
    this.#lanes?.down.send(delivery, atClient);
  }
}
