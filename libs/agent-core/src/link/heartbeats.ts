/**
 * Says once a second that this agent lives, and what it knows.
 */
import { encodeHeartbeat } from "@atoll/codec/agent";
import type { DatacenterName, NodeName } from "@atoll/domain";
import type { AgentBus } from "@atoll/event-bus";
import type { Outbox } from "../outbox/outbox.ts";
import type { Maintenance } from "./maintenance.ts";

export interface HeartbeatsOptions {
  readonly datacenter: DatacenterName;
  readonly node: NodeName;
  readonly incarnation: () => string;
  readonly outbox: Outbox;
  readonly maintenance: Maintenance;
  readonly bus: Pick<AgentBus, "publishHeartbeat">;
}

export const HEARTBEAT_MS = 1_000;

export class Heartbeats implements Disposable {
  readonly #options: HeartbeatsOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
  }

  start(): void {
    this.beat();
    this.#timer = setInterval(() => this.beat(), HEARTBEAT_MS);
  }

  /** Sends one now. */
  beat(): void {
    const { datacenter, node, incarnation, outbox, maintenance, bus } = this.#options;
    bus.publishHeartbeat(
      encodeHeartbeat({
        datacenter,
        node,
        incarnation: incarnation(),
        last: outbox.last,
        committed: outbox.committed,
        maintenance: maintenance.active,
      }),
    );
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
