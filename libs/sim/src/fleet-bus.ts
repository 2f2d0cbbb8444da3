/**
 * The in-memory bus with very many agents on it that are no clients of their own.
 *
 * Facts go into the real in-memory stream, orders and directives to the node by its name. The
 * server may be away: then nobody is connected, and agents come back one by one. Used by
 * `simulateFleet`.
 */
import type { NodeName } from "@atoll/domain";
import { type BusScheduler, MemoryBus } from "@atoll/event-bus";
import type { Prng } from "@atoll/stdx";
import type { FleetNode } from "./fleet-node.ts";
import type { ReplicaClock } from "./replica-clock.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** Heartbeats take as long whatever else is under way: that they are left out changes nothing. */
const HEARTBEAT_US = 500;

export class FleetBus extends MemoryBus {
  readonly #clock: VirtualClock;
  readonly #nodes: ReadonlyMap<NodeName, FleetNode>;
  /** Somebody asks a node whether it is there. */
  readonly #probed: (node: FleetNode) => void;

  constructor(options: {
    readonly clock: VirtualClock;
    readonly scheduler: BusScheduler;
    readonly nodes: ReadonlyMap<NodeName, FleetNode>;
    readonly probed: (node: FleetNode) => void;
  }) {
    super(options.scheduler);
    this.#clock = options.clock;
    this.#nodes = options.nodes;
    this.#probed = options.probed;
  }

  /** A fact is published; it is lost when the server is not there. */
  publish(node: NodeName, payload: Uint8Array, delayUs: number): void {
    this.#clock.schedule(delayUs, () => {
      if (this.reachable()) this.store(node, payload);
    });
  }

  override directive(node: string, payload: Uint8Array): void {
    this.#nodes.get(node as NodeName)?.directive(payload);
  }

  override order(node: string, payload: Uint8Array, reply: (payload: Uint8Array) => void): boolean {
    const found = this.#nodes.get(node as NodeName);
    if (found?.connected !== true) return false;
    found.order(payload, reply);
    return true;
  }

  override probe(name: string, answer: (heartbeat: Uint8Array) => void): void {
    const node = this.#nodes.get(name as NodeName);
    if (node?.connected !== true) return;
    this.#probed(node);
    answer(node.beat.payload);
  }
}

/** When things happen on the bus, for a client whose time may stand still. */
export function fleetScheduler(
  clock: VirtualClock,
  delays: Prng,
  own?: ReplicaClock,
): BusScheduler {
  return {
    deliver: (delivery, run) => {
      const delayUs = delivery === "heartbeat" ? HEARTBEAT_US : delays.between(50, 1_000);
      clock.schedule(delayUs, () => (own === undefined ? run() : own.message(run)));
    },
    after: (delayMs, run) => {
      const scheduled = (own ?? clock).schedule(delayMs * 1_000, run);
      return () => {
        scheduled.cancelled = true;
      };
    },
  };
}
