/**
 * One process's share of a fleet: starts its nodes, lets happen what was drawn for them, waits for
 * their outboxes, ends.
 *
 * Everything is late rather than dropped when the process cannot keep up, so the report shows it.
 */
import type { DatacenterName, NodeName } from "@atoll/domain";
import { connectAgentBus } from "@atoll/event-bus-nats";
import { systemClock } from "@atoll/service-kit/process";
import { Prng } from "@atoll/stdx";
import { FleetNode } from "../node/fleet-node.ts";
import type { WorkOptions } from "../node/simulated-services.ts";
import type { Tally } from "../report/tally.ts";
import { drawHappenings, drawTraits, type Happening, rackOf } from "../scenario/happenings.ts";
import type { Scenario } from "../scenario/scenario.ts";

export interface FleetShare {
  readonly scenario: Scenario;
  readonly datacenter: string;
  readonly natsUrl: string;
  /** Of this run of the program: a later one meets the same names with other lives. */
  readonly runId: string;
  /** Which agents, the end not included. */
  readonly from: number;
  readonly to: number;
}

const TURN_MS = 10;
/** For all agents to be known, beyond what the pace of starts allows. */
const SETTLE_MS_MAX = 180_000;
/** Agents of one process that are not known yet; more wait, so that none gives up dialling. */
export const STARTING_MAX = 250;
const MS_PER_SECOND = 1_000;
const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export class Fleet {
  readonly #share: FleetShare;
  readonly #tally: Tally;
  readonly #nodes: readonly FleetNode[];
  readonly #signal: AbortSignal;
  #next = 0;

  constructor(share: FleetShare, parts: { readonly tally: Tally; readonly signal: AbortSignal }) {
    this.#share = share;
    this.#tally = parts.tally;
    this.#signal = parts.signal;
    this.#nodes = Array.from({ length: share.to - share.from }, (_, at) =>
      this.#makeNode(share.from + at),
    );
  }

  get connected(): number {
    return this.#nodes.reduce((sum, { connected }) => sum + Number(connected), 0);
  }

  get waiting(): number {
    return this.#nodes.reduce((sum, { waiting }) => sum + waiting, 0);
  }

  get openActions(): number {
    return this.#nodes.reduce((sum, { openActions }) => sum + openActions, 0);
  }

  get settled(): number {
    return this.#nodes.reduce((sum, { settled }) => sum + Number(settled), 0);
  }

  /** Starts all agents at the scenario's pace. Resolves true once the log knows each of them. */
  async start(): Promise<boolean> {
    const { scenario, from, to } = this.#share;
    // Every process has its share of the pace.
    const perSecond = (scenario.startsPerSecond * (to - from)) / scenario.agents;
    const paceMs = (this.#nodes.length / perSecond) * MS_PER_SECOND;
    const waiting = this.#nodes.toReversed();
    let starting: FleetNode[] = [];
    return await this.#turns(paceMs + SETTLE_MS_MAX, (elapsedMs) => {
      starting = starting.filter((node) => !node.settled);
      const due = Math.ceil((elapsedMs / MS_PER_SECOND) * perSecond);
      while (this.#nodes.length - waiting.length < due && starting.length < STARTING_MAX) {
        const node = waiting.pop();
        if (node === undefined) break;
        void node.start();
        starting.push(node);
      }
      return waiting.length === 0 && starting.length === 0;
    });
  }

  /** Facts and happenings for the scenario's duration. */
  async run(): Promise<void> {
    const { scenario, from, to } = this.#share;
    const happenings = drawHappenings(scenario).filter(({ agent }) => agent >= from && agent < to);
    const perSecond = (scenario.factsPerSecond * (to - from)) / scenario.agents;
    let happened = 0;
    let made = 0;
    await this.#turns(scenario.durationMs, (elapsedMs) => {
      const untilMs = Math.min(elapsedMs, scenario.durationMs);
      for (; (happenings[happened]?.atMs ?? Infinity) <= untilMs; happened += 1) {
        this.#happen(happenings[happened] as Happening);
      }
      const due = Math.floor((untilMs / MS_PER_SECOND) * perSecond);
      for (; made < due; made += 1) this.#nextNode().change(scenario.factBytes);
      return elapsedMs >= scenario.durationMs;
    });
    for (const node of this.#nodes) void node.start();
  }

  /** Resolves true once every outbox is empty and nothing is being done. */
  async drain(): Promise<boolean> {
    // What was made in this turn is in no outbox yet.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    const done = (): boolean => this.waiting === 0 && this.openActions === 0;
    return await this.#turns(this.#share.scenario.drainMs, done);
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.kill()));
  }

  #makeNode(agent: number): FleetNode {
    const { scenario, datacenter, natsUrl, runId } = this.#share;
    const name = `${scenario.prefix}-${agent}`;
    const random = new Prng(scenario.seed).child(`node ${agent}`);
    const traits = drawTraits(scenario, agent);
    const pace = random.child("pace");
    const work: WorkOptions = {
      workMs: () =>
        pace.between(scenario.actionMsMin, scenario.actionMsMax) *
        (traits.slow ? scenario.slowFactor : 1),
      fails: () => pace.chance(scenario.actionFailPercent, 100),
      lies: traits.lying,
    };
    return new FleetNode({
      datacenter: datacenter as DatacenterName,
      name: name as NodeName,
      labels: { ...scenario.labels, rack: `rack-${rackOf(scenario, agent)}` },
      work,
      connect: () => connectAgentBus({ url: natsUrl, datacenter, node: name, log: SILENT }),
      clock: systemClock,
      random,
      tally: this.#tally,
      runId,
      onBroken: (error) => {
        setImmediate(() => {
          throw error;
        });
      },
    });
  }

  #happen({ agent, type }: Happening): void {
    const node = this.#nodes[agent - this.#share.from];
    if (node === undefined) return;
    this.#tally.count("happenings");
    switch (type) {
      case "serviceCrash":
        node.crashService();
        return;
      case "flap":
        node.flap();
        return;
      case "agentRestart":
        void node.kill();
        void node.start();
        return;
      case "wipe":
        void node.wipe();
        void node.start();
        return;
      case "powerOff":
        void node.losePower();
        return;
      case "powerOn":
        void node.start();
        return;
      case "reconnect":
        void node.reconnect();
    }
  }

  #nextNode(): FleetNode {
    this.#next = (this.#next + 1) % this.#nodes.length;
    return this.#nodes[this.#next] as FleetNode;
  }

  /** Calls `turn` again and again until it says true. False when time or the run is over first. */
  #turns(mostMs: number, turn: (elapsedMs: number) => boolean): Promise<boolean> {
    const beganMs = performance.now();
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.#signal.aborted) return resolve(false);
        const elapsedMs = performance.now() - beganMs;
        if (turn(elapsedMs)) return resolve(true);
        if (elapsedMs > mostMs) return resolve(false);
        setTimeout(look, TURN_MS);
      };
      look();
    });
  }
}
