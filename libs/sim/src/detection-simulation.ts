/**
 * One run of a datacenter whose nodes come and go, fixed by its seed: who is declared lost, and
 * when.
 *
 * A tenth of all heartbeats, probes and reports is lost in each direction. With faults, one replica
 * after the other stands still for up to five seconds, stalls, has its clock set by an hour, or is
 * cut off from the bus. No node that is there may ever be declared lost; one that died must be,
 * within the bound. Called by the test suite and the command line.
 */
import { Prng } from "@atoll/stdx";
import { buildDatacenter, type SimulatedDatacenter } from "./build-datacenter.ts";
import { DatacenterHistory } from "./datacenter-history.ts";
import type { SimulatedNode } from "./simulated-node.ts";
import { Violation } from "./violation.ts";
import { VirtualClock } from "./virtual-clock.ts";

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
const LOOK_US = 20_000;
const HOUR_MS = 3_600_000;
/** A death without any fault: within so long, at a tenth of messages lost. */
const BOUND_MS = 3_300;
/** With faults of the replicas, of which the others are whole meanwhile. */
const BOUND_WITH_FAULTS_MS = 20_000;
/** One that was cut off waits for nodes to come back by another way: no other is cut off then. */
const CUT_EVERY_US = 40_000_000;

export function simulateDetection(
  seed: number,
  options: { readonly nodes: number; readonly faults: boolean },
): DetectionSimulationResult {
  const prng = new Prng(seed);
  const clock = new VirtualClock();
  const history = new DatacenterHistory();
  const shape = { replicas: 3, nodes: options.nodes, lossPerMille: 100 };
  const run = new Detection(buildDatacenter(prng, { clock, history, shape }), prng.child("run"));
  let failure: Error | undefined;
  try {
    clock.runUntil(WARM_UP_US);
    run.begin(options.faults);
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

  begin(faults: boolean): void {
    if (faults) {
      this.#boundMs = BOUND_WITH_FAULTS_MS;
      this.#fault();
    }
    this.#kill();
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
    const { clock, orchestrators } = this.#datacenter;
    const passedMs = (clock.nowUs - diedUs) / 1_000;
    const lost = orchestrators.some(
      ({ state }) => state?.datacenter.node(node.name)?.presence === "lost",
    );
    if (lost) {
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
    const fault = prng.pick(["pause", "stall", "clock", "cut"] as const);
    switch (fault === "cut" && clock.nowUs - this.#cutAtUs < CUT_EVERY_US ? "pause" : fault) {
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
