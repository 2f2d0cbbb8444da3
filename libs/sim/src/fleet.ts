/**
 * A simulated fleet put together: three replicas, a bus, and very many nodes in racks and rooms.
 *
 * Everything follows from the generator that is given. Used by `simulateFleet`.
 */
import * as codec from "@atoll/codec";
import { CONTROL_DEFAULTS } from "@atoll/control";
import type { DatacenterName, NodeName, StateView, UserCommand } from "@atoll/domain";
import type { Prng } from "@atoll/stdx";
import { membershipOf, type Message } from "raft-ts";
import { FleetBus, fleetScheduler } from "./fleet-bus.ts";
import { FleetChecker } from "./fleet-checker.ts";
import { FleetHeartbeats } from "./fleet-heartbeats.ts";
import { FleetNode, type FleetWorld } from "./fleet-node.ts";
import { MemoryLogStore } from "./raft-log-store.ts";
import { ReplicaClock } from "./replica-clock.ts";
import { SimulatedNetwork } from "./simulated-network.ts";
import { SimulatedOrchestrator, type Turn } from "./simulated-orchestrator.ts";
import { Violation } from "./violation.ts";
import { VirtualClock } from "./virtual-clock.ts";

export const FLEET_NAME = "fleet" as DatacenterName;
export const NODES_PER_RACK = 40;
const REPLICAS = 3;
/** A replica that died begins with its newest snapshot and so many entries at most. */
const SNAPSHOT_EVERY_ENTRIES = 50_000;
const RETAIN_ENTRIES = 10_000;
const REPEAT_US = 700_000;
const LOOK_US = 100_000;
const WAIT_US_MAX = 600_000_000;

export interface FleetShape {
  readonly nodes: number;
  /** A tenth of the fleet stands in each; of 100,000 nodes that is a wave of 10,000. */
  readonly rooms: number;
  readonly everyHeartbeat: boolean;
  readonly turn?: (what: Turn, run: () => void) => void;
}

export class Fleet {
  readonly clock: VirtualClock = new VirtualClock();
  readonly nodes: readonly FleetNode[];
  readonly byName: ReadonlyMap<NodeName, FleetNode>;
  readonly bus: FleetBus;
  readonly network: SimulatedNetwork<Message>;
  readonly orchestrators: readonly SimulatedOrchestrator[];
  readonly checker: FleetChecker;
  readonly heartbeats: FleetHeartbeats;
  #requests = 0;

  constructor(prng: Prng, shape: FleetShape) {
    const { clock } = this;
    const delays = prng.child("bus");
    const agents = prng.child("agents");
    const world: FleetWorld = {
      datacenter: FLEET_NAME,
      clock,
      prng: agents,
      publish: (node, payload) => this.bus.publish(node, payload, delays.between(50, 1_000)),
      stir: (node) => this.heartbeats.stir(node),
    };
    this.nodes = nodesOf(shape, world);
    const byName = new Map(this.nodes.map((node) => [node.name, node]));
    this.byName = byName;
    this.checker = new FleetChecker(byName, NODES_PER_RACK);
    this.bus = new FleetBus({
      clock,
      scheduler: fleetScheduler(clock, delays),
      nodes: byName,
      probed: (node) => this.heartbeats.stir(node),
    });
    this.network = new SimulatedNetwork<Message>({
      clock,
      prng: prng.child("network"),
      deliver: (_from, to, message) => this.orchestrators[to - 1]?.receive(message),
    });
    const ids = Array.from({ length: REPLICAS }, (_, at) => at + 1);
    const membership = membershipOf(ids);
    this.orchestrators = ids.map((id) => {
      const child = prng.child(`replica ${id}`);
      const own = new ReplicaClock(clock, child.child("clock"));
      return new SimulatedOrchestrator({
        id,
        datacenter: FLEET_NAME,
        clock: own,
        scheduler: fleetScheduler(clock, delays, own),
        prng: child,
        store: new MemoryLogStore({ clock: own, prng: child.child("disk"), membership }),
        bus: this.bus,
        codec,
        history: this.checker,
        stateCheckEvery: Number.MAX_SAFE_INTEGER,
        settings: { snapshotEveryEntries: SNAPSHOT_EVERY_ENTRIES, retainEntries: RETAIN_ENTRIES },
        control: CONTROL_DEFAULTS,
        ...(shape.turn === undefined ? {} : { turn: shape.turn }),
        send: (messages) => {
          for (const message of messages) this.network.send(id, message.to, message);
        },
      });
    });
    const { bus, nodes, orchestrators } = this;
    const { everyHeartbeat } = shape;
    this.heartbeats = new FleetHeartbeats({ clock, bus, nodes, orchestrators, everyHeartbeat });
  }

  /** Of the running replica that has applied most. */
  get view(): StateView | undefined {
    let most = -1;
    let view: StateView | undefined;
    for (const { state } of this.orchestrators) {
      if (state === undefined || state.appliedIndex <= most) continue;
      most = state.appliedIndex;
      view = state.datacenter;
    }
    return view;
  }

  get leading(): SimulatedOrchestrator | undefined {
    return this.orchestrators.find(({ leader }) => leader?.leading === true);
  }

  /** Goes on until something holds, ten virtual minutes at most. */
  wait(what: string, holds: () => boolean): void {
    const { clock } = this;
    const untilUs = clock.nowUs + WAIT_US_MAX;
    while (!holds()) {
      if (clock.nowUs >= untilUs) throw new Violation(`not within ten minutes: ${what}`);
      clock.runUntil(clock.nowUs + LOOK_US);
    }
  }

  /** Asks until it is accepted. */
  ask(command: UserCommand, answered: () => void = () => undefined): void {
    this.#requests += 1;
    this.#try(command, `request-${this.#requests}`, answered);
  }

  #try(command: UserCommand, requestId: string, answered: () => void): void {
    let done = false;
    const options = { actor: "simulated", requestId, validateOnly: false };
    this.leading?.leader?.submit(command, options, (outcome) => {
      if (outcome.type === "rejected" && outcome.code !== "resourceExhausted") {
        throw new Violation(`${requestId} was refused: ${outcome.reason}`);
      }
      if (done || outcome.type !== "accepted") return;
      done = true;
      answered();
    });
    if (done) return;
    this.clock.schedule(REPEAT_US, () => {
      if (!done) this.#try(command, requestId, answered);
    });
  }
}

function nodesOf({ nodes, rooms }: FleetShape, world: FleetWorld): FleetNode[] {
  const racksPerRoom = Math.ceil(nodes / rooms / NODES_PER_RACK);
  return Array.from({ length: nodes }, (_, at) => {
    const rack = Math.floor(at / NODES_PER_RACK);
    const room = `room${Math.floor(rack / racksPerRoom)}`;
    const name = `n${String(at).padStart(6, "0")}` as NodeName;
    return new FleetNode(name, { room, rack: `rack${rack}` }, world);
  });
}
