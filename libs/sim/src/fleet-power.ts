/**
 * Racks and rooms of a simulated fleet that lose power and get it back.
 *
 * Checked of each: the loss is one event for the place that lost power and no other; everything is
 * right half a minute after power is back; and getting there took one action for each service that
 * ran there, no storm. Used by `FleetFaults`.
 */
import type { DomainEvent, NodeName } from "@atoll/domain";
import type { Prng } from "@atoll/stdx";
import type { Fleet } from "./fleet.ts";
import { STIRRED_FOR_US } from "./fleet-heartbeats.ts";
import type { FleetNode } from "./fleet-node.ts";
import type { FleetUsers } from "./fleet-users.ts";
import { type FleetVerdicts, RIGHT_WITHIN_US } from "./fleet-verdicts.ts";
import { Violation } from "./violation.ts";

const SECOND_US = 1_000_000;
/** Too short for a verdict on those that vanished together; long enough for one on all. */
const SHORT_US = [8 * SECOND_US, 20 * SECOND_US] as const;
const LONG_US = [52 * SECOND_US, 60 * SECOND_US] as const;
/** From power to the agent's start. */
const BOOT_US_MAX = 8 * SECOND_US;
/** What happens to many nodes for a moment disturbs verdicts on others: they may be explained. */
const EXPLAINED_US = 5 * SECOND_US;

/** A place without power. */
interface Dark {
  readonly domain: string;
  readonly nodes: ReadonlyMap<NodeName, FleetNode>;
  readonly darkMs: number;
  readonly sights: string[];
  readonly orders: Map<NodeName, number>;
  storms: number;
  nodesLost: number;
  rightAfterMs: number;
}

/** What came of a place that lost power, until half a minute after it was back. */
export interface PowerLoss {
  readonly domain: string;
  readonly nodes: number;
  readonly darkMs: number;
  readonly sightsLost: number;
  readonly nodesLost: number;
  readonly storms: number;
  readonly actions: number;
  /** From power to everything as it should be, to the second. */
  readonly rightAfterMs: number;
}

export class FleetPower {
  readonly losses: PowerLoss[] = [];
  readonly #fleet: Fleet;
  readonly #users: FleetUsers;
  readonly #prng: Prng;
  readonly #verdicts: FleetVerdicts;
  readonly #busy: Set<FleetNode>;
  #dark: Dark | undefined;

  constructor(options: {
    readonly fleet: Fleet;
    readonly users: FleetUsers;
    readonly prng: Prng;
    readonly verdicts: FleetVerdicts;
    readonly busy: Set<FleetNode>;
  }) {
    this.#fleet = options.fleet;
    this.#users = options.users;
    this.#prng = options.prng;
    this.#verdicts = options.verdicts;
    this.#busy = options.busy;
    this.#fleet.checker.onEvent = (event) => this.#seen(event);
  }

  loseRack(briefly: boolean = this.#prng.chance(1, 2)): void {
    const { location } = this.#prng.pick(this.#fleet.nodes);
    const domain = `rack:${location.room}/${location.rack}`;
    this.#lose(domain, (node) => node.location.rack === location.rack, briefly);
  }

  loseRoom(): void {
    const { room } = this.#prng.pick(this.#fleet.nodes).location;
    const briefly = this.#prng.chance(1, 2);
    this.#lose(`room:${room}`, (node) => node.location.room === room, briefly);
  }

  #lose(domain: string, stands: (node: FleetNode) => boolean, briefly: boolean): void {
    const { clock, heartbeats } = this.#fleet;
    // Nodes to which something else is being done are left to that.
    const struck = this.#fleet.nodes.filter((node) => stands(node) && !this.#busy.has(node));
    for (const node of struck) {
      this.#busy.add(node);
      heartbeats.stir(node);
    }
    const [least, most] = briefly ? SHORT_US : LONG_US;
    const darkUs = this.#prng.between(least, most);
    clock.schedule(STIRRED_FOR_US, () => {
      const nodes = new Map(struck.map((node) => [node.name, node]));
      const dark: Dark = {
        domain,
        nodes,
        darkMs: darkUs / 1_000,
        sights: [],
        orders: new Map(),
        storms: 0,
        nodesLost: 0,
        rightAfterMs: 0,
      };
      this.#dark = dark;
      this.#verdicts.disturb(clock.nowUs + EXPLAINED_US);
      for (const node of struck) {
        node.losePower();
        this.#verdicts.expectLostLate(node);
      }
      clock.schedule(darkUs, () => this.#return(dark));
    });
  }

  #return(dark: Dark): void {
    const { clock } = this.#fleet;
    const nodes = [...dark.nodes.values()];
    this.#verdicts.disturb(clock.nowUs + EXPLAINED_US);
    for (const node of nodes) {
      clock.schedule(this.#prng.between(SECOND_US, BOOT_US_MAX), () => node.start());
    }
    this.#verdicts.expectRight(nodes, () => this.#users.whyNotRight(nodes));
    this.#lookWhenRight(dark, nodes, clock.nowUs);
    clock.schedule(RIGHT_WITHIN_US + SECOND_US, () => {
      this.#check(dark);
      const { domain, darkMs, storms, nodesLost, rightAfterMs } = dark;
      const actions = [...dark.orders.values()].reduce((sum, count) => sum + count, 0);
      const about = { domain, nodes: nodes.length, darkMs, sightsLost: dark.sights.length };
      this.losses.push({ ...about, nodesLost, storms, actions, rightAfterMs });
      this.#dark = undefined;
      for (const node of nodes) this.#busy.delete(node);
    });
  }

  #lookWhenRight(dark: Dark, nodes: readonly FleetNode[], sinceUs: number): void {
    const { clock } = this.#fleet;
    clock.schedule(SECOND_US, () => {
      if (this.#dark !== dark) return;
      dark.rightAfterMs = (clock.nowUs - sinceUs) / 1_000;
      if (this.#users.whyNotRight(nodes) !== "") this.#lookWhenRight(dark, nodes, sinceUs);
    });
  }

  #check({ domain, sights, orders, storms, nodes }: Dark): void {
    if (sights.join() !== domain) {
      throw new Violation(`power of ${domain} was lost, and sight of ${sights.join(", ")}`);
    }
    if (storms > 0) throw new Violation(`${storms} storms after power came back to ${domain}`);
    for (const [name, count] of orders) {
      if (count > 1) throw new Violation(`${count} actions on ${name} after power came back`);
    }
    if (orders.size > nodes.size) throw new Violation(`actions on more nodes than ${nodes.size}`);
  }

  #seen(event: DomainEvent): void {
    const dark = this.#dark;
    if (dark === undefined) return;
    if (event.type === "sightLost") dark.sights.push(event.domain);
    if (event.type === "stormHeld") dark.storms += 1;
    if (event.type === "nodeLost" && dark.nodes.has(event.node)) dark.nodesLost += 1;
    if (event.type !== "actionPlanned" || !dark.nodes.has(event.node)) return;
    dark.orders.set(event.node, (dark.orders.get(event.node) ?? 0) + 1);
  }
}
