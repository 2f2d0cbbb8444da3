/**
 * The watch of a simulated replica, joined to the in-memory bus as the orchestrator joins the real
 * one. What it would have decided is shown to the history first. Used by `SimulatedOrchestrator`.
 */
import { decodeHeartbeat, decodeWatchReport, encodeWatchReport } from "@atoll/codec";
import {
  type DatacenterTime,
  type DetectionSettings,
  type ReplicatedState,
  ReplicaWatch,
} from "@atoll/control";
import type { DatacenterName } from "@atoll/domain";
import { HEARTBEAT_SHARDS, heartbeatShardOf, type OrchestratorBus } from "@atoll/event-bus";
import type { Prng } from "@atoll/stdx";
import type { OrchestratorHistory } from "./simulated-orchestrator.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export function simulatedWatch(options: {
  readonly datacenter: DatacenterName;
  readonly replica: number;
  readonly state: ReplicatedState;
  readonly bus: OrchestratorBus;
  readonly clock: VirtualClock;
  readonly time: DatacenterTime;
  readonly prng: Prng;
  readonly settings: DetectionSettings;
  readonly history: OrchestratorHistory;
}): ReplicaWatch {
  const { datacenter, replica, state, bus, clock, time, prng, settings, history } = options;
  const watch = new AccusingWatch(history, {
    datacenter,
    replica,
    life: prng.between(1, 2 ** 31),
    state,
    clock,
    time,
    settings,
    link: {
      hearShards: (shards) => bus.hearShards(shards),
      probe: (node) => bus.probe(node),
      publish: (report) => bus.publishWatch(replica, encodeWatchReport(report)),
    },
    shards: { count: HEARTBEAT_SHARDS, of: heartbeatShardOf },
    read: (node, payload) => {
      const decoded = decodeHeartbeat(payload);
      return decoded.type === "decoded" && decoded.value.node === node ? decoded.value : undefined;
    },
  });
  bus.onLink(({ server }) => watch.linkChanged(server));
  bus.onHeartbeat((node, payload) => void watch.heartbeat(node, payload));
  bus.onWatch((_replica, payload) => {
    const decoded = decodeWatchReport(payload);
    if (decoded.type === "decoded") watch.report(decoded.value);
  });
  return watch;
}

class AccusingWatch extends ReplicaWatch {
  readonly #history: OrchestratorHistory;
  readonly #state: ReplicatedState;

  constructor(
    history: OrchestratorHistory,
    options: ConstructorParameters<typeof ReplicaWatch>[0],
  ) {
    super(options);
    this.#history = history;
    this.#state = options.state;
  }

  override verdicts(nowMs: number): ReturnType<ReplicaWatch["verdicts"]> {
    const commands = super.verdicts(nowMs);
    for (const command of commands) {
      if (command.type === "reportPresence" && command.presence === "lost") {
        const incarnation = this.#state.datacenter.node(command.node)?.incarnation ?? "";
        this.#history.accused(command.node, incarnation, nowMs);
      }
    }
    return commands;
  }
}
