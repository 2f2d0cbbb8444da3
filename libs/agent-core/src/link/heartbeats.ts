/**
 * Says once a second that this agent lives, and what it knows; and at once when it is asked.
 *
 * Each agent has its own phase within the second, so that the heartbeats of a fleet that started at
 * one moment are spread.
 */
import { encodeHeartbeat } from "@atoll/codec/agent";
import type { AgentProcess, DatacenterName, NodeName } from "@atoll/domain";
import type { AgentBus } from "@atoll/event-bus";
import type { Prng } from "@atoll/stdx";
import type { Outbox } from "../outbox/outbox.ts";
import type { Maintenance } from "./maintenance.ts";

export interface HeartbeatsOptions {
  readonly datacenter: DatacenterName;
  readonly node: NodeName;
  readonly incarnation: () => string;
  readonly outbox: Outbox;
  readonly maintenance: Maintenance;
  readonly bus: Pick<AgentBus, "publishHeartbeat" | "onProbe">;
  /** The server of the bus that this agent is connected to; empty without one. */
  readonly server: () => string;
  /** Who this start of the agent is; with its address once that is known. */
  readonly process: () => AgentProcess;
  readonly random: Prng;
}

export const HEARTBEAT_MS = 1_000;

export class Heartbeats implements Disposable {
  readonly #options: HeartbeatsOptions;
  #timer: NodeJS.Timeout | undefined;
  #forgetProbes: (() => void) | undefined;

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
  }

  start(): void {
    const { bus, random } = this.#options;
    this.#forgetProbes = bus.onProbe((answer) => answer(this.#heartbeat()));
    this.beat();
    this.#timer = setTimeout(() => {
      this.beat();
      this.#timer = setInterval(() => this.beat(), HEARTBEAT_MS);
    }, random.below(HEARTBEAT_MS));
  }

  /** Sends one now. */
  beat(): void {
    this.#options.bus.publishHeartbeat(this.#heartbeat());
  }

  #heartbeat(): Uint8Array {
    const { datacenter, node, incarnation, outbox, maintenance, server, process } = this.#options;
    return encodeHeartbeat({
      datacenter,
      node,
      incarnation: incarnation(),
      last: outbox.last,
      committed: outbox.committed,
      maintenance: maintenance.active,
      server: server(),
      process: process(),
    });
  }

  [Symbol.dispose](): void {
    this.#forgetProbes?.();
    clearTimeout(this.#timer);
    clearInterval(this.#timer);
  }
}
