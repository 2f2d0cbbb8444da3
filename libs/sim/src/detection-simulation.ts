/**
 * One run of a datacenter whose nodes come and go, fixed by its seed: who is declared lost, and
 * when.
 *
 * A tenth of all heartbeats, probes and reports is lost in each direction. Nodes die and come back.
 * With faults, one replica after the other stands still for up to five seconds, stalls, has its
 * clock set by an hour, or is cut off from the bus, or the bus is slow for all. With restarts of
 * the bus no node dies, and all agents lose it and come back within 25 s. No node that is there may
 * ever be declared lost; one that died must be, within the bound. Called by the test suite.
 */
import type { NodeName } from "@atoll/domain";
import { Prng } from "@atoll/stdx";
import { buildDatacenter, type SimulatedDatacenter } from "./build-datacenter.ts";
import { DatacenterHistory } from "./datacenter-history.ts";
import type { SimulatedNode } from "./simulated-node.ts";
import { Violation } from "./violation.ts";
import { VirtualClock } from "./virtual-clock.ts";

export interface DetectionSimulationOptions {
  readonly nodes: number;
  readonly scene: "calm" | "faults" | "busRestarts";
  /** Default a tenth. */
  readonly lossPerMille?: number;
}

export interface DetectionSimulationResult {
  readonly seed: number;
  /** Undefined when all went well. */
  readonly failure: Error | undefined;
  /** From each death to its verdict, in order. */
  readonly lostAfterMs: readonly number[];
  /** Node-seconds in which a node was there and was watched. */
  readonly nodeSeconds: number;
  readonly faults: number;
}

const WARM_UP_US = 40_000_000;
const END_US = 240_000_000;
/** After the bus is back each agent is, within so long. */
const BACK_WITHIN_US = 25_000_000;
const RESTART_EVERY_US = 65_000_000;
/** What a slow bus takes in each direction: an own report comes back late, but it comes. */
const LAG_US = 600_000;
const LOOK_US = 20_000;
const HOUR_MS = 3_600_000;
/** A death without any fault: within so long, and when a tenth of messages is lost. */
const BOUND_MS = 3_000;
const BOUND_WITH_LOSS_MS = 3_600;
/** With faults: a slow bus may make all replicas give every node its half minute. */
const BOUND_WITH_FAULTS_MS = 45_000;
/** One that was deaf waits for nodes to come back by another way: no other is made so then. */
const CUT_EVERY_US = 40_000_000;

export function simulateDetection(
  seed: number,
  options: DetectionSimulationOptions,
): DetectionSimulationResult {
  const prng = new Prng(seed);
  const clock = new VirtualClock();
  const history = new DatacenterHistory();
  const { nodes, lossPerMille = 100 } = options;
  const shape = { replicas: 3, nodes, lossPerMille };
  const run = new Detection(buildDatacenter(prng, { clock, history, shape }), prng.child("run"));
  let failure: Error | undefined;
  try {
    clock.runUntil(WARM_UP_US);
    run.begin(options);
    clock.runUntil(END_US);
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
  }
  const { lostAfterMs, faults } = run;
  const nodeSeconds = (options.nodes * END_US) / 1_000_000 - run.downSeconds;
  return { seed, failure, lostAfterMs, nodeSeconds, faults };
}

class Detection {
  readonly lostAfterMs: number[] = [];
  downSeconds = 0;
  faults = 0;
  readonly #datacenter: SimulatedDatacenter;
  readonly #prng: Prng;
  #boundMs = BOUND_MS;
  #cutAtUs = 0;

  constructor(datacenter: SimulatedDatacenter, prng: Prng) {
    this.#datacenter = datacenter;
    this.#prng = prng;
  }

  begin({ scene, lossPerMille = 100 }: DetectionSimulationOptions): void {
    this.#boundMs = lossPerMille === 0 ? BOUND_MS : BOUND_WITH_LOSS_MS;
    if (scene === "busRestarts") {
      this.#restartBus();
      return;
    }
    if (scene === "faults") {
      this.#boundMs = BOUND_WITH_FAULTS_MS;
      this.#fault();
    }
    this.#kill();
  }

  /** The bus ends and comes back; its clients come back one by one. */
  #restartBus(): void {
    const { clock, bus, nodes } = this.#datacenter;
    this.faults += 1;
    bus.stopServer();
    for (const { name, agentBus } of nodes) {
      if (agentBus === undefined) continue;
      bus.cut(agentBus);
      clock.schedule(this.#prng.between(0, BACK_WITHIN_US), () => {
        bus.heal(agentBus);
        if (this.#isLost(name)) throw new Violation(`${name} is lost, its agent was on its way`);
      });
    }
    clock.schedule(this.#prng.between(10_000, 2_000_000), () => bus.startServer());
    clock.schedule(RESTART_EVERY_US, () => this.#restartBus());
  }

  #isLost(name: NodeName): boolean {
    return this.#datacenter.orchestrators.some(
      ({ state }) => state?.datacenter.node(name)?.presence === "lost",
    );
  }

  /** A node dies, is found, and comes back. */
  #kill(): void {
    const { clock, nodes } = this.#datacenter;
    const up = nodes.filter(({ running }) => running);
    // Never so many at once that it looks like one cause.
    if (up.length > nodes.length * 0.9) {
      const node = this.#prng.pick(up);
      node.crash();
      this.#await(node, clock.nowUs);
    }
    clock.schedule(this.#prng.between(200_000, 3_000_000), () => this.#kill());
  }

  #await(node: SimulatedNode, diedUs: number): void {
    const { clock } = this.#datacenter;
    const passedMs = (clock.nowUs - diedUs) / 1_000;
    if (this.#isLost(node.name)) {
      this.lostAfterMs.push(passedMs);
      clock.schedule(this.#prng.between(100_000, 5_000_000), () => {
        this.downSeconds += (clock.nowUs - diedUs) / 1_000_000;
        node.start();
      });
      return;
    }
    if (passedMs > this.#boundMs) {
      throw new Violation(`${node.name} died ${Math.round(passedMs)} ms ago and is not lost`);
    }
    clock.schedule(LOOK_US, () => this.#await(node, diedUs));
  }

  #fault(): void {
    const { clock, bus, orchestrators } = this.#datacenter;
    const prng = this.#prng;
    this.faults += 1;
    const { clock: own, bus: client } = prng.pick(orchestrators);
    const after = (mostUs: number, run: () => void): void => {
      clock.schedule(prng.between(10_000, mostUs), run);
    };
    const fault = prng.pick(["pause", "stall", "clock", "cut", "slow"] as const);
    const graceful = fault === "cut" || fault === "slow";
    switch (graceful && clock.nowUs - this.#cutAtUs < CUT_EVERY_US ? "pause" : fault) {
      case "pause":
        own.pause();
        after(5_000_000, () => own.resume());
        break;
      case "stall":
        own.pause();
        after(1_500_000, () => own.resume());
        break;
      case "clock":
        own.step(prng.pick([-HOUR_MS, 0, HOUR_MS]));
        break;
      case "slow":
        this.#cutAtUs = clock.nowUs;
        for (const { clock: each } of orchestrators) each.lagUs = LAG_US;
        after(6_000_000, () => {
          for (const { clock: each } of orchestrators) each.lagUs = 0;
        });
        break;
      case "cut":
        this.#cutAtUs = clock.nowUs;
        if (client !== undefined) {
          bus.cut(client);
          after(4_000_000, () => bus.heal(client));
        }
    }
    clock.schedule(prng.between(1_000_000, 12_000_000), () => this.#fault());
  }
}
