/**
 * What goes wrong in a simulated datacenter: replicas, clocks, the bus, agents, services, nodes,
 * links.
 *
 * Each fault ends by itself or at `heal`. Counters say how often each was reached. Used by
 * `simulateDatacenter`.
 */
import type { Prng } from "@atoll/stdx";
import type { SimulatedDatacenter } from "./build-datacenter.ts";
import type { ReplicaClock } from "./replica-clock.ts";
import type { SimulatedNode } from "./simulated-node.ts";
import { CALM_NETWORK } from "./simulated-network.ts";

const PAUSE_US_MAX = 1_200_000;
const TWIN_US_MAX = 9_000_000;
const HOUR_MS = 3_600_000;

const FAULTS = [
  "replicaCrash",
  "allReplicasCrash",
  "replicaPaused",
  "loopStalled",
  "clockStepped",
  "linkCut",
  "networkBad",
  "busDown",
  "busLosesTail",
  "busReplaced",
  "busCutsReplica",
  "busCutsAgent",
  "agentCrash",
  "serviceCrash",
  "manyServicesCrash",
  "nodeWiped",
  "nodeTwinned",
] as const;

type Fault = (typeof FAULTS)[number];

export class DatacenterFaults {
  readonly counters: Record<Fault, number> = {
    replicaCrash: 0,
    allReplicasCrash: 0,
    replicaPaused: 0,
    loopStalled: 0,
    clockStepped: 0,
    linkCut: 0,
    networkBad: 0,
    busDown: 0,
    busLosesTail: 0,
    busReplaced: 0,
    busCutsReplica: 0,
    busCutsAgent: 0,
    agentCrash: 0,
    serviceCrash: 0,
    manyServicesCrash: 0,
    nodeWiped: 0,
    nodeTwinned: 0,
  };
  readonly #datacenter: SimulatedDatacenter;
  readonly #prng: Prng;
  readonly #endUs: number;
  readonly #twins = new Map<SimulatedNode, SimulatedNode>();
  #busIsDown = false;

  constructor(datacenter: SimulatedDatacenter, prng: Prng, endUs: number) {
    this.#datacenter = datacenter;
    this.#prng = prng;
    this.#endUs = endUs;
    this.#later();
  }

  /** Ends every fault; wall clocks stay as wrong as they are. */
  heal(): void {
    const { network, bus, orchestrators, nodes } = this.#datacenter;
    network.settings = CALM_NETWORK;
    network.healAll();
    if (this.#busIsDown) bus.startServer();
    this.#busIsDown = false;
    for (const orchestrator of orchestrators) {
      orchestrator.clock.resume();
      orchestrator.start();
      if (orchestrator.bus !== undefined) bus.heal(orchestrator.bus);
    }
    for (const node of [...this.#twins.keys()]) this.#endTwin(node);
    for (const node of nodes) {
      node.start();
      if (node.agentBus !== undefined) bus.heal(node.agentBus);
    }
  }

  #later(): void {
    const { clock } = this.#datacenter;
    clock.schedule(this.#prng.between(1_000, PAUSE_US_MAX), () => {
      if (clock.nowUs >= this.#endUs) return;
      const fault = this.#prng.pick(FAULTS);
      this.counters[fault] += 1;
      this.#do(fault);
      this.#later();
    });
  }

  #do(fault: Fault): void {
    const { bus, orchestrators, nodes } = this.#datacenter;
    const prng = this.#prng;
    switch (fault) {
      case "replicaCrash":
        return this.#crashReplica(prng.below(orchestrators.length));
      case "allReplicasCrash":
        for (let at = 0; at < orchestrators.length; at += 1) this.#crashReplica(at);
        return;
      case "replicaPaused":
        return this.#pause(prng.pick(orchestrators).clock, 5_000_000);
      case "loopStalled":
        return this.#pause(prng.pick(orchestrators).clock, 1_500_000);
      case "clockStepped": {
        const offsetMs = prng.pick([-HOUR_MS, 0, HOUR_MS]);
        return prng.pick(orchestrators).clock.step(offsetMs);
      }
      case "linkCut":
        return this.#cutLink();
      case "networkBad":
        return this.#badNetwork();
      case "busDown":
        return this.#stopBus();
      case "busLosesTail":
        if (!this.#busIsDown) bus.loseTail(prng.below(20));
        return;
      case "busReplaced":
        return bus.replaceStream();
      case "busCutsReplica": {
        const client = prng.pick(orchestrators).bus;
        if (client === undefined) return;
        bus.cut(client, prng.pick(["lost", "arrives"]));
        return this.#after(3_000_000, () => bus.heal(client));
      }
      case "busCutsAgent": {
        const client = prng.pick(nodes).agentBus;
        if (client === undefined) return;
        bus.cut(client, prng.pick(["lost", "arrives"]));
        return this.#after(6_000_000, () => bus.heal(client));
      }
      case "agentCrash": {
        const node = prng.pick(nodes);
        node.crash();
        return this.#after(4_000_000, () => node.start());
      }
      case "serviceCrash":
        return prng.pick(nodes).crashService();
      case "manyServicesCrash":
        for (const node of nodes) node.crashService();
        return;
      case "nodeWiped": {
        const node = prng.pick(nodes);
        if (!prng.chance(1, 3)) return;
        node.wipe();
        return this.#after(4_000_000, () => node.start());
      }
      case "nodeTwinned":
        return this.#twin();
    }
  }

  /** A second machine under a node's name: a copy of its disk, or one of its own. */
  #twin(): void {
    const { nodes } = this.#datacenter;
    const node = this.#prng.pick(nodes);
    // What both copies held and neither had told would rightly be told by both.
    if (!this.#prng.chance(1, 2) || this.#twins.has(node) || node.outboxSize > 0) return;
    this.#twins.set(node, node.twin(this.#prng.chance(1, 2)));
    this.#after(TWIN_US_MAX, () => this.#endTwin(node));
  }

  /** One of the two machines is gone. */
  #endTwin(node: SimulatedNode): void {
    const twin = this.#twins.get(node);
    if (twin === undefined) return;
    this.#twins.delete(node);
    if (this.#prng.chance(1, 2)) twin.lose();
    else node.giveWayTo(twin);
  }

  #crashReplica(at: number): void {
    const { orchestrators, network } = this.#datacenter;
    const crashed = orchestrators[at];
    if (crashed === undefined || !crashed.running) return;
    crashed.crash();
    for (const other of orchestrators) {
      if (other === crashed) continue;
      network.reset(crashed.id, other.id);
      network.reset(other.id, crashed.id);
      other.peerLost(crashed.id);
    }
    this.#after(2_000_000, () => crashed.start());
  }

  #pause(clock: ReplicaClock, mostUs: number): void {
    clock.pause();
    this.#after(mostUs, () => clock.resume());
  }

  #cutLink(): void {
    const { network, orchestrators } = this.#datacenter;
    const from = this.#prng.pick(orchestrators).id;
    const to = this.#prng.pick(orchestrators).id;
    network.cut(from, to);
    if (this.#prng.chance(1, 2)) network.cut(to, from);
    this.#after(3_000_000, () => {
      network.heal(from, to);
      network.heal(to, from);
    });
  }

  #badNetwork(): void {
    const { network } = this.#datacenter;
    const prng = this.#prng;
    network.settings = {
      ...CALM_NETWORK,
      lossPerMille: prng.below(300),
      duplicatePerMille: prng.below(200),
      reorderPerMille: prng.below(300),
      delayUsMin: 50,
      delayUsMax: prng.between(500, 20_000),
      slowPerMille: prng.below(50),
      slowDelayUsMax: 200_000,
    };
    this.#after(3_000_000, () => {
      network.settings = CALM_NETWORK;
    });
  }

  #stopBus(): void {
    if (this.#busIsDown) return;
    const { bus } = this.#datacenter;
    this.#busIsDown = true;
    bus.stopServer(this.#prng.pick(["lost", "arrives"]));
    this.#after(6_000_000, () => {
      if (this.#busIsDown) bus.startServer();
      this.#busIsDown = false;
    });
  }

  #after(delayUsMax: number, run: () => void): void {
    this.#datacenter.clock.schedule(this.#prng.between(1_000, delayUsMax), run);
  }
}
