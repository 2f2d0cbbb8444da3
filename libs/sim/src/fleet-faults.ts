/**
 * What goes wrong in a simulated fleet: small faults all the time, and great ones one after the
 * other.
 *
 * Small ones strike single nodes: they die, their agent restarts, their service crashes. Great ones
 * have the fleet for themselves: racks and rooms lose power, replicas are killed or stand still,
 * the bus is away, the role becomes another one everywhere. Used by `simulateFleet`.
 */
import type { Prng } from "@atoll/stdx";
import type { Fleet } from "./fleet.ts";
import { STIRRED_FOR_US } from "./fleet-heartbeats.ts";
import type { FleetNode } from "./fleet-node.ts";
import { FleetPower, type PowerLoss } from "./fleet-power.ts";
import type { FleetUsers } from "./fleet-users.ts";
import { FleetVerdicts } from "./fleet-verdicts.ts";
import type { SimulatedOrchestrator } from "./simulated-orchestrator.ts";
import { Violation } from "./violation.ts";

/** Great faults, and how often each happens in a day. */
const GREAT = {
  rackLosesPower: 72,
  roomLosesPower: 3,
  replicaPaused: 12,
  replicaKilled: 6,
  leaderKilled: 4,
  leaderPaused: 4,
  leaderKilledInPowerLoss: 3,
  busAway: 2,
  roleChanged: 3,
} as const;

type Great = keyof typeof GREAT;

const DAY_US = 86_400_000_000;
/** From one great fault to the next, at least: the longest is over by then. */
const GREAT_EVERY_US_MIN = 95_000_000;
const SECOND_US = 1_000_000;
/** After a fault of replicas or bus watchers hear as before. */
const HEARD_AGAIN_US = 6 * SECOND_US;
/** Agents are back on the bus after so long. */
const RECONNECT_US_MAX = 25 * SECOND_US;
/** After the bus was away watchers give every node so long. */
const REGROUP_US = 35 * SECOND_US;
const ROLLED_OUT_US = 30 * SECOND_US;

export class FleetFaults {
  readonly counters: Record<string, number> = {
    nodeDied: 0,
    agentRestarted: 0,
    serviceCrashed: 0,
    ...Object.fromEntries(Object.keys(GREAT).map((name) => [name, 0])),
  };
  /** The last great one. */
  last = "nothing yet";
  readonly #fleet: Fleet;
  readonly #users: FleetUsers;
  readonly #prng: Prng;
  readonly #verdicts: FleetVerdicts;
  readonly #power: FleetPower;
  /** Nodes to which something is being done. */
  readonly #busy = new Set<FleetNode>();
  #endUs = 0;

  constructor(fleet: Fleet, users: FleetUsers, prng: Prng) {
    this.#fleet = fleet;
    this.#users = users;
    this.#prng = prng;
    this.#verdicts = new FleetVerdicts(fleet);
    this.#power = new FleetPower({
      fleet,
      users,
      prng: prng.child("power"),
      verdicts: this.#verdicts,
      busy: this.#busy,
    });
  }

  /** What came of each loss of power. */
  get powerLosses(): readonly PowerLoss[] {
    return this.#power.losses;
  }

  /** Great faults are spread evenly, in random order; at least one of each. */
  begin(endUs: number): void {
    const { clock } = this.#fleet;
    this.#endUs = endUs;
    const lengthUs = endUs - clock.nowUs;
    const greats = Object.entries(GREAT).flatMap(([name, perDay]) => {
      const count = Math.max(1, Math.round((perDay * lengthUs) / DAY_US));
      return Array.from({ length: count }, () => name as Great);
    });
    const everyUs = Math.floor(lengthUs / greats.length);
    if (everyUs < GREAT_EVERY_US_MIN) throw new Error("too short for one of each fault");
    for (const [at, name] of this.#prng.child("order").shuffle(greats).entries()) {
      clock.schedule(at * everyUs, () => {
        this.counters[name] = (this.counters[name] ?? 0) + 1;
        this.last = name;
        this.#do(name);
      });
    }
    this.#small("nodeDied", 20, (node) => this.#die(node));
    this.#small("agentRestarted", 30, (node) => {
      node.stop();
      this.#after(100_000, 900_000, () => this.#free(node, () => node.start()));
    });
    this.#small("serviceCrashed", 5, (node) => {
      node.crashService();
      this.#after(SECOND_US, SECOND_US, () => this.#free(node));
    });
  }

  /** Nothing is left that was begun. */
  checkOver(): void {
    if (this.#busy.size === 0) return;
    throw new Violation(`something is still being done to ${this.#busy.size} nodes`);
  }

  #do(name: Great): void {
    const { orchestrators, leading } = this.#fleet;
    const prng = this.#prng;
    switch (name) {
      case "rackLosesPower":
        return this.#power.loseRack();
      case "roomLosesPower":
        return this.#power.loseRoom();
      case "leaderKilledInPowerLoss":
        this.#power.loseRack(true);
        return this.#kill(() => this.#fleet.leading, STIRRED_FOR_US + 2_500_000);
      case "replicaPaused":
        return this.#pause(prng.pick(orchestrators));
      case "leaderPaused":
        return this.#pause(leading ?? prng.pick(orchestrators));
      case "replicaKilled": {
        const replica = prng.pick(orchestrators);
        return this.#kill(() => replica);
      }
      case "leaderKilled":
        return this.#kill(() => this.#fleet.leading);
      case "busAway":
        return this.#stopBus();
      case "roleChanged":
        // Five rounds in each rack: who comes back meanwhile waits for room as well.
        this.#verdicts.disturb(this.#fleet.clock.nowUs + ROLLED_OUT_US);
        return this.#users.applyRole();
    }
  }

  /** Nodes that are well and to which nothing is being done, one after the other, for ever. */
  #small(name: string, everyS: number, strike: (node: FleetNode) => void): void {
    const prng = this.#prng.child(name);
    const next = (): void => {
      const everyUs = Math.round(everyS * SECOND_US);
      this.#fleet.clock.schedule(prng.between(1, 2 * everyUs), () => {
        if (this.#fleet.clock.nowUs >= this.#endUs) return;
        next();
        const node = prng.pick(this.#fleet.nodes);
        if (!node.connected || this.#busy.has(node)) return;
        this.#busy.add(node);
        this.#fleet.heartbeats.stir(node);
        this.#fleet.clock.schedule(STIRRED_FOR_US, () => {
          this.counters[name] = (this.counters[name] ?? 0) + 1;
          strike(node);
        });
      });
    };
    next();
  }

  #die(node: FleetNode): void {
    const { life } = node;
    node.losePower();
    this.#verdicts.expectLost(node);
    // Some come back before anybody could find out.
    const quick = this.#prng.chance(1, 8);
    const [least, most] = quick ? [SECOND_US, 2 * SECOND_US] : [65 * SECOND_US, 200 * SECOND_US];
    this.#after(least, most, () => {
      if (node.life !== life + 1) throw new Violation(`${node.name} lives by itself`);
      node.start();
      this.#verdicts.expectRight([node], () => this.#users.whyNotRight([node]));
      this.#after(SECOND_US, SECOND_US, () => this.#free(node));
    });
  }

  #kill(which: () => SimulatedOrchestrator | undefined, inUs: number = STIRRED_FOR_US): void {
    const { clock, network, orchestrators } = this.#fleet;
    const downUs = this.#prng.between(SECOND_US, 10 * SECOND_US);
    this.#disturb(inUs + downUs + HEARD_AGAIN_US);
    clock.schedule(inUs, () => {
      const killed = which();
      if (killed === undefined) return;
      killed.crash();
      for (const other of orchestrators) {
        if (other === killed) continue;
        network.reset(killed.id, other.id);
        network.reset(other.id, killed.id);
        other.peerLost(killed.id);
      }
      clock.schedule(downUs, () => killed.start());
    });
  }

  #pause({ clock: own }: SimulatedOrchestrator): void {
    const { clock } = this.#fleet;
    const forUs = this.#prng.between(200_000, 5 * SECOND_US);
    this.#disturb(STIRRED_FOR_US + forUs + HEARD_AGAIN_US);
    clock.schedule(STIRRED_FOR_US, () => {
      own.pause();
      clock.schedule(forUs, () => own.resume());
    });
  }

  /** The server of the bus ends; its clients come back one by one. */
  #stopBus(): void {
    const { clock, bus, nodes } = this.#fleet;
    const awayUs = this.#prng.between(SECOND_US, 10 * SECOND_US);
    this.#disturb(STIRRED_FOR_US + awayUs + RECONNECT_US_MAX + REGROUP_US);
    clock.schedule(STIRRED_FOR_US, () => {
      bus.stopServer();
      for (const node of nodes) node.disconnect();
      clock.schedule(awayUs, () => {
        bus.startServer();
        for (const node of nodes) {
          const { life } = node;
          clock.schedule(this.#prng.between(0, RECONNECT_US_MAX), () => {
            if (node.life === life) node.connect();
          });
        }
      });
    });
  }

  /** Replicas or bus are about to fail: every heartbeat counts, and verdicts may take longer. */
  #disturb(forUs: number): void {
    const untilUs = this.#fleet.clock.nowUs + forUs;
    this.#fleet.heartbeats.stirAll(untilUs);
    this.#verdicts.disturb(untilUs);
  }

  #free(node: FleetNode, first: () => void = () => undefined): void {
    first();
    this.#busy.delete(node);
  }

  #after(leastUs: number, mostUs: number, run: () => void): void {
    this.#fleet.clock.schedule(this.#prng.between(leastUs, mostUs), run);
  }
}
