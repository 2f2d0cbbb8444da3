/**
 * A simulated datacenter put together: replicas with a time and a disk of their own, a bus that may
 * lose what it does not store, nodes with their agents.
 *
 * Everything follows from the generator that is given. Used by every simulation of a datacenter.
 */
import * as codec from "@atoll/codec";
import { CONTROL_DEFAULTS } from "@atoll/control";
import type { DatacenterName, NodeName } from "@atoll/domain";
import { type BusScheduler, type Delivery, MemoryBus } from "@atoll/event-bus";
import type { Prng } from "@atoll/stdx";
import { membershipOf, type Message } from "raft-ts";
import type { DatacenterHistory } from "./datacenter-history.ts";
import { MemoryLogStore } from "./raft-log-store.ts";
import { ReplicaClock } from "./replica-clock.ts";
import { SimulatedNetwork } from "./simulated-network.ts";
import { SimulatedNode } from "./simulated-node.ts";
import { SimulatedOrchestrator } from "./simulated-orchestrator.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export const SIMULATED_NAME = "sim" as DatacenterName;
/** What may be lost on the way at any time: nobody relies on it. */
const NOT_STORED: ReadonlySet<Delivery> = new Set(["heartbeat", "probe", "watch", "directive"]);

export interface DatacenterShape {
  readonly replicas: number;
  readonly nodes: number;
  /** Of messages that are not stored, in each direction. */
  readonly lossPerMille: number;
}

export interface SimulatedDatacenter {
  readonly clock: VirtualClock;
  readonly bus: MemoryBus;
  readonly network: SimulatedNetwork<Message>;
  readonly orchestrators: readonly SimulatedOrchestrator[];
  readonly nodes: readonly SimulatedNode[];
  readonly history: DatacenterHistory;
}

export function buildDatacenter(
  prng: Prng,
  about: {
    readonly clock: VirtualClock;
    readonly history: DatacenterHistory;
    readonly shape: DatacenterShape;
  },
): SimulatedDatacenter {
  const { clock, history, shape } = about;
  const draws = prng.child("settings");
  const delays = prng.child("bus");
  const losses = prng.child("losses");
  const loses = (delivery: Delivery): boolean =>
    NOT_STORED.has(delivery) && losses.below(1_000) < shape.lossPerMille;
  const schedulerOf = (own: VirtualClock): BusScheduler =>
    busScheduler({ clock, own, delays, loses });
  const bus = new MemoryBus(schedulerOf(clock));
  const voters = Array.from({ length: shape.replicas }, (_, at) => at + 1);
  const membership = membershipOf(voters);
  const orchestrators: SimulatedOrchestrator[] = [];
  const network = new SimulatedNetwork<Message>({
    clock,
    prng: prng.child("network"),
    deliver: (_from, to, message) => orchestrators[to - 1]?.receive(message),
  });
  const settings = {
    snapshotEveryEntries: draws.pick([20, 100, 100_000]),
    retainEntries: draws.pick([0, 10, 1_000_000]),
  };
  for (const id of voters) {
    const child = prng.child(`replica ${id}`);
    const own = new ReplicaClock(clock, child.child("clock"));
    orchestrators.push(
      new SimulatedOrchestrator({
        id,
        datacenter: SIMULATED_NAME,
        clock: own,
        scheduler: schedulerOf(own),
        prng: child,
        store: new MemoryLogStore({ clock: own, prng: child.child("disk"), membership }),
        bus,
        codec,
        history,
        settings,
        control: CONTROL_DEFAULTS,
        send: (messages) => {
          for (const message of messages) network.send(id, message.to, message);
        },
      }),
    );
  }
  const nodes = Array.from({ length: shape.nodes }, (_, at) => {
    const name = `n${at + 1}` as NodeName;
    const labels = { tier: draws.pick(["web", "store"]), port: String(8_000 + at) };
    return new SimulatedNode({
      name,
      datacenter: SIMULATED_NAME,
      labels,
      clock,
      prng: prng.child(name),
      bus,
      history,
    });
  });
  return { clock, bus, network, orchestrators, nodes, history };
}

/** When things happen on the bus, for a client whose time may stand still. */
function busScheduler(options: {
  readonly clock: VirtualClock;
  readonly own: VirtualClock;
  readonly delays: Prng;
  readonly loses: (delivery: Delivery) => boolean;
}): BusScheduler {
  const { clock, own, delays, loses } = options;
  return {
    deliver: (_delivery, run) => {
      const lagUs = own instanceof ReplicaClock ? own.lagUs : 0;
      clock.schedule(lagUs + delays.between(50, 1_000), () => {
        if (own instanceof ReplicaClock) own.message(run);
        else run();
      });
    },
    loses,
    after: (delayMs, run) => {
      const scheduled = own.schedule(delayMs * 1_000, run);
      return () => {
        scheduled.cancelled = true;
      };
    },
  };
}
