/**
 * The heartbeats of a simulated fleet: sent where they can matter, left out where they cannot.
 *
 * A node to which nothing happens says each second what it said before; a watcher compares, and
 * notes the time. As long as replicas and bus are well that has no other effect, so such a node is
 * at rest: it is taken from the watchers' lists, and is put back a while before anything happens to
 * it. Around each fault of a replica or of the bus nobody rests. With `everyHeartbeat` nobody ever
 * does, and a run must give the same log; a test holds the two together. Used by `simulateFleet`.
 */
import type { Beat } from "@atoll/event-bus";
import type { FleetBus } from "./fleet-bus.ts";
import type { FleetNode } from "./fleet-node.ts";
import type { SimulatedOrchestrator } from "./simulated-orchestrator.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** So many moments in a second at which nodes send, each node always at the same one. */
const PHASES = 20;
const PHASE_US = 1_000_000 / PHASES;
/** A node rests when nothing has happened to it for so long: it was heard twice since. */
const REST_AFTER_US = 3_000_000;
/** What happens to a node on purpose begins so long after it was stirred: it was heard by then. */
export const STIRRED_FOR_US = 2_100_000;

export class FleetHeartbeats {
  readonly #clock: VirtualClock;
  readonly #bus: FleetBus;
  readonly #orchestrators: readonly SimulatedOrchestrator[];
  readonly #everyHeartbeat: boolean;
  readonly #nodes: readonly FleetNode[];
  /** Nodes that do not rest, by their moment, and since when nothing has happened to them. */
  readonly #awake: Map<FleetNode, number>[] = Array.from(
    { length: PHASES },
    () => new Map<FleetNode, number>(),
  );
  readonly #places = new Map<FleetNode, number>();
  /** Moments at which somebody joined out of turn: beats come in order of the nodes. */
  readonly #unsorted = new Set<number>();
  #phase = 0;
  /** Nobody rests before this. */
  #allUntilUs = 0;
  sent = 0;

  constructor(options: {
    readonly clock: VirtualClock;
    readonly bus: FleetBus;
    readonly nodes: readonly FleetNode[];
    readonly orchestrators: readonly SimulatedOrchestrator[];
    readonly everyHeartbeat: boolean;
  }) {
    this.#clock = options.clock;
    this.#bus = options.bus;
    this.#nodes = options.nodes;
    this.#orchestrators = options.orchestrators;
    this.#everyHeartbeat = options.everyHeartbeat;
    for (const [at, node] of options.nodes.entries()) {
      this.#places.set(node, at);
      this.#awake[at % PHASES]?.set(node, 0);
    }
    this.#next();
  }

  get awakeCount(): number {
    let count = 0;
    for (const awake of this.#awake) count += awake.size;
    return count;
  }

  /** Something happens to the node, or soon will. */
  stir(node: FleetNode): void {
    const phase = (this.#places.get(node) as number) % PHASES;
    const awake = this.#awake[phase] as Map<FleetNode, number>;
    const rested = !awake.has(node);
    awake.set(node, this.#clock.nowUs);
    if (!rested) return;
    this.#unsorted.add(phase);
    for (const { watch } of this.#orchestrators) watch?.attend(node.name);
  }

  /** Nobody rests before `untilUs`. */
  stirAll(untilUs: number): void {
    this.#allUntilUs = Math.max(this.#allUntilUs, untilUs);
    for (const node of this.#nodes) this.stir(node);
  }

  #next(): void {
    this.#clock.schedule(PHASE_US, () => {
      this.#next();
      this.#phase = (this.#phase + 1) % PHASES;
      if (this.#unsorted.delete(this.#phase)) this.#sort(this.#phase);
      this.#send(this.#awake[this.#phase] as Map<FleetNode, number>);
    });
  }

  #sort(phase: number): void {
    const placeOf = (node: FleetNode): number => this.#places.get(node) as number;
    const awake = [...(this.#awake[phase] as Map<FleetNode, number>)];
    this.#awake[phase] = new Map(
      awake.toSorted(([left], [right]) => placeOf(left) - placeOf(right)),
    );
  }

  #send(awake: Map<FleetNode, number>): void {
    const { nowUs } = this.#clock;
    const beats: Beat[] = [];
    const mayRest = !this.#everyHeartbeat && nowUs >= this.#allUntilUs;
    for (const [node, sinceUs] of awake) {
      if (node.connected) beats.push(node.beat);
      if (!mayRest || nowUs - sinceUs < REST_AFTER_US || !this.#isQuiet(node)) continue;
      awake.delete(node);
      node.forgetBeat();
      for (const { watch } of this.#orchestrators) watch?.dismiss(node.name);
    }
    this.sent += beats.length;
    // Also when there are none: the order of what else is under way is the same then.
    this.#bus.heartbeats(beats);
  }

  /** Every replica knows of it what there is to know. */
  #isQuiet(node: FleetNode): boolean {
    if (!node.connected || !node.settled) return false;
    return this.#orchestrators.every(({ state }) => {
      const known = state?.datacenter.node(node.name);
      if (known === undefined || known.presence !== "alive" || known.open.size > 0) return false;
      const { boot, sequence } = known.watermark;
      return boot === node.committed.boot && sequence === node.committed.sequence;
    });
  }
}
