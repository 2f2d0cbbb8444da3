/**
 * Joins the watch of this replica to the bus: heartbeats and reports in, probes and reports out.
 *
 * What is not ours, not whole, or speaks for another node than its subject is counted and passed
 * over. Every replica has one, whoever leads. Made by the composition root.
 */
import { randomInt } from "node:crypto";
import { decodeHeartbeat, decodeWatchReport, encodeWatchReport } from "@atoll/codec";
import {
  CONTROL_DEFAULTS,
  type DatacenterTime,
  type DetectionSettings,
  type HeartbeatView,
  type ReplicatedState,
  ReplicaWatch,
} from "@atoll/control";
import type { DatacenterName } from "@atoll/domain";
import {
  HEARTBEAT_SHARDS,
  heartbeatShardOf,
  type OrchestratorBus,
  type Unsubscribe,
} from "@atoll/event-bus";
import { systemClock } from "@atoll/service-kit";
import type { Clock } from "@atoll/stdx";
import type { Config } from "./config.ts";
import type { Counter, OrchestratorMetrics } from "./metrics.ts";

export interface HeartbeatIntakeOptions {
  readonly datacenter: DatacenterName;
  readonly replicaId: number;
  readonly state: ReplicatedState;
  readonly bus: OrchestratorBus;
  readonly clock: Clock;
  readonly time: DatacenterTime;
  readonly settings: DetectionSettings;
  readonly messagesRefused: Counter;
}

/** Begins to watch; ends with `parts`. */
export function startWatch(
  { datacenter, replicaId }: Config,
  joined: {
    readonly state: ReplicatedState;
    readonly bus: OrchestratorBus;
    readonly time: DatacenterTime;
    readonly counted: OrchestratorMetrics;
    readonly parts: AsyncDisposableStack;
  },
): ReplicaWatch {
  const { state, bus, time, counted, parts } = joined;
  const { watch } = parts.use(
    new HeartbeatIntake({
      datacenter,
      replicaId,
      state,
      bus,
      clock: systemClock,
      time,
      settings: CONTROL_DEFAULTS.detection,
      messagesRefused: counted.messagesRefused,
    }),
  );
  counted.watches(() => watch.figures);
  return watch;
}

/** Two processes of one replica draw the same only once in so many. */
const LIVES = 2 ** 47;

export class HeartbeatIntake implements Disposable {
  readonly watch: ReplicaWatch;
  readonly #options: HeartbeatIntakeOptions;
  readonly #listening: readonly Unsubscribe[];

  constructor(options: HeartbeatIntakeOptions) {
    this.#options = options;
    const { bus, datacenter, replicaId, state, clock, time, settings } = options;
    this.watch = new ReplicaWatch({
      datacenter,
      replica: replicaId,
      life: randomInt(1, LIVES),
      state,
      clock,
      time,
      settings,
      link: {
        hearShards: (shards) => bus.hearShards(shards),
        probe: (node) => bus.probe(node),
        publish: (report) => bus.publishWatch(replicaId, encodeWatchReport(report)),
      },
      shards: { count: HEARTBEAT_SHARDS, of: heartbeatShardOf },
      read: (node, payload) => this.#read(node, payload),
    });
    this.#listening = [
      bus.onLink(({ server }) => this.watch.linkChanged(server)),
      bus.onHeartbeat((node, payload) => {
        if (!this.watch.heartbeat(node, payload)) options.messagesRefused.increment();
      }),
      bus.onWatch((replica, payload) => this.#report(replica, payload)),
    ];
  }

  [Symbol.dispose](): void {
    for (const unsubscribe of this.#listening) unsubscribe();
  }

  #read(node: string, payload: Uint8Array): HeartbeatView | undefined {
    const decoded = decodeHeartbeat(payload);
    if (decoded.type === "undecodable") return undefined;
    const { value } = decoded;
    const ours = value.node === node && value.datacenter === this.#options.datacenter;
    return ours ? value : undefined;
  }

  #report(replica: number, payload: Uint8Array): void {
    const decoded = decodeWatchReport(payload);
    const ours =
      decoded.type === "decoded" &&
      decoded.value.replica === replica &&
      decoded.value.datacenter === this.#options.datacenter;
    if (ours) this.watch.report(decoded.value);
    else this.#options.messagesRefused.increment();
  }
}
