/**
 * One of very many simulated nodes with its agent: a few fields while nothing happens to it.
 *
 * It speaks the real encoding, keeps what it was not told is committed, and runs an order once. One
 * service is all that runs on it. Every observation of that carries the next number of the
 * node, so that whoever reads the log sees whether one is missing, twice, or out of turn. No timer
 * of its own runs while it is at rest: its heartbeats are `FleetHeartbeats`' part. Used by
 * `simulateFleet`.
 */
import {
  decodeActionOrder,
  decodeDirective,
  encodeActionReply,
  encodeFactBatch,
  encodeHeartbeat,
} from "@atoll/codec";
import type {
  ActionId,
  DatacenterName,
  Fact,
  Location,
  NodeName,
  Order,
  OutboxPosition,
  ServiceObservation,
} from "@atoll/domain";
import { type Beat, heartbeatShardOf } from "@atoll/event-bus";
import type { Prng } from "@atoll/stdx";
import { Violation } from "./violation.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** What a node needs of the world; one for all nodes. */
export interface FleetWorld {
  readonly datacenter: DatacenterName;
  readonly clock: VirtualClock;
  readonly prng: Prng;
  /** False while the bus is away. */
  readonly publish: (node: NodeName, payload: Uint8Array) => void;
  /** Something happens to the node: from now on each of its heartbeats counts. */
  readonly stir: (node: FleetNode) => void;
}

interface Stored {
  readonly position: OutboxPosition;
  readonly previous: OutboxPosition;
  readonly fact: Fact;
}

const NOWHERE: OutboxPosition = { boot: 0, sequence: 0 };
const NOTHING: readonly Stored[] = [];
const RESEND_US = 2_000_000;
const SYNC_US_MAX = 2_000;
const RUN_US_MAX = 60_000;
const LABELS = { tier: "web" };

export class FleetNode {
  readonly name: NodeName;
  readonly shard: number;
  readonly location: Location;
  /** It has power and its agent runs. */
  running = false;
  /** Its agent has a connection to the bus. */
  connected = false;
  /** When both began. */
  connectedSinceMs = 0;
  /** Raised by every start and end: callbacks of an earlier life do nothing. */
  life = 0;
  powerCycles = 0;
  /** Observations of its service so far. */
  observations = 0;
  service: ServiceObservation | undefined;
  readonly #world: FleetWorld;
  #boot = 0;
  #last = NOWHERE;
  #committed = NOWHERE;
  #outbox: readonly Stored[] = NOTHING;
  #sentThrough = NOWHERE;
  #resending = false;
  #term = 0;
  #generation = 0;
  /** The last order that was journaled, and whether its result has been stored. */
  #action: ActionId | undefined;
  #finished = true;
  #maintenance = false;
  #beat: Beat | undefined;

  constructor(name: NodeName, location: Location, world: FleetWorld) {
    this.name = name;
    this.shard = heartbeatShardOf(name);
    this.location = location;
    this.#world = world;
  }

  /** Nothing of it is under way: no fact, no order. */
  get settled(): boolean {
    return this.#outbox.length === 0 && this.#finished;
  }

  get outboxSize(): number {
    return this.#outbox.length;
  }

  get committed(): OutboxPosition {
    return this.#committed;
  }

  /** What it says of itself once a second. */
  get beat(): Beat {
    if (this.#beat === undefined) {
      const { datacenter } = this.#world;
      const said = { last: this.#last, committed: this.#committed, server: "memory" };
      const incarnation = `${this.name}-1`;
      const maintenance = this.#maintenance;
      const payload = encodeHeartbeat({
        datacenter,
        node: this.name,
        incarnation,
        maintenance,
        ...said,
      });
      this.#beat = { node: this.name, shard: this.shard, payload };
    }
    return this.#beat;
  }

  /** It is at rest: what can be made again is let go. */
  forgetBeat(): void {
    this.#beat = undefined;
  }

  start(): void {
    if (this.running) return;
    const { clock } = this.#world;
    this.#world.stir(this);
    this.life += 1;
    this.running = true;
    this.#boot += 1;
    this.connect();
    const observedAtMs = clock.realtimeMs();
    const results: Fact[] = [];
    if (this.#action !== undefined && !this.#finished) {
      const reason = "the agent restarted while the action ran";
      results.push({
        type: "actionFinished",
        observedAtMs,
        action: this.#action,
        outcome: "failed",
        reason,
        durationMs: 1,
      });
      this.#finished = true;
    }
    this.#store([
      {
        type: "agentStarted",
        observedAtMs,
        agentVersion: "simulated",
        bootId: `${this.name}-${this.powerCycles}`,
        labels: LABELS,
        services: this.service === undefined ? [] : [this.service],
        files: [],
      },
      ...results,
    ]);
  }

  /** The agent ends; what runs on the node goes on. */
  stop(): void {
    if (!this.running) return;
    this.#world.stir(this);
    this.life += 1;
    this.running = false;
    this.connected = false;
  }

  losePower(): void {
    this.stop();
    this.powerCycles += 1;
    if (this.service?.status !== "healthy") return;
    this.service = this.#numbered({ ...this.service, status: "crashed", pid: 0 });
  }

  /** Its service ends by itself. */
  crashService(): void {
    if (!this.running || this.service?.status !== "healthy") return;
    this.#observe({ ...this.service, status: "crashed", pid: 0 });
  }

  connect(): void {
    if (!this.running) return;
    this.connected = true;
    this.connectedSinceMs = this.#world.clock.monotonicMs();
    if (this.#outbox.length > 0) this.#resend();
  }

  disconnect(): void {
    this.connected = false;
  }

  directive(payload: Uint8Array): void {
    const decoded = decodeDirective(payload);
    if (decoded.type === "undecodable" || !this.connected) return;
    const { term, incarnation, committed, maintenance } = decoded.value;
    if (incarnation !== `${this.name}-1` || term < this.#term) return;
    this.#term = term;
    if (maintenance !== this.#maintenance) this.#changed();
    this.#maintenance = maintenance;
    if (!isAfter(committed, this.#committed)) return;
    this.#committed = committed;
    this.#changed();
    const left = this.#outbox.filter(({ position }) => isAfter(position, committed));
    this.#outbox = left.length === 0 ? NOTHING : left;
  }

  order(payload: Uint8Array, reply: (payload: Uint8Array) => void): void {
    const decoded = decodeActionOrder(payload);
    // Nobody pauses or cancels here: there are no withdrawals.
    if (decoded.type === "undecodable") throw new Violation(`${this.name} got no order`);
    const { term, action, generation, order, incarnation } = decoded.value;
    const answer = (
      code: "accepted" | "staleTerm" | "staleGeneration" | "otherIncarnation",
    ): void => reply(encodeActionReply({ code, reason: "", term: this.#term }));
    if (incarnation !== `${this.name}-1`) return answer("otherIncarnation");
    if (term < this.#term) return answer("staleTerm");
    this.#term = term;
    if (action === this.#action) return answer("accepted");
    if (generation <= this.#generation) return answer("staleGeneration");
    this.#world.stir(this);
    this.#generation = generation;
    this.#action = action;
    this.#finished = false;
    const { clock, prng } = this.#world;
    const { life } = this;
    clock.schedule(prng.between(100, SYNC_US_MAX), () => {
      if (this.life === life) answer("accepted");
    });
    clock.schedule(prng.between(SYNC_US_MAX, RUN_US_MAX), () => {
      if (this.life === life && this.#action === action) this.#run(action, order);
    });
  }

  #run(action: ActionId, order: Order): void {
    if (this.#finished) throw new Violation(`${action} runs twice`);
    if (order.type !== "startService" && order.type !== "restartService") {
      throw new Violation(`${action} is to ${order.type}, which nobody wants`);
    }
    const { key, digest } = order.service;
    this.#finished = true;
    this.#observe({ key, digest, status: "healthy", pid: 1, reason: "" }, [
      {
        type: "actionFinished",
        observedAtMs: this.#world.clock.realtimeMs(),
        action,
        outcome: "succeeded",
        reason: "",
        durationMs: 1,
      },
    ]);
  }

  #numbered(service: ServiceObservation): ServiceObservation {
    this.observations += 1;
    return { ...service, reason: String(this.observations) };
  }

  #observe(service: ServiceObservation, more: readonly Fact[] = []): void {
    this.#world.stir(this);
    this.service = this.#numbered(service);
    const observedAtMs = this.#world.clock.realtimeMs();
    this.#store([{ type: "serviceObserved", observedAtMs, service: this.service }, ...more]);
  }

  /** Makes facts durable, then sends them. */
  #store(facts: readonly Fact[]): void {
    const { clock, prng } = this.#world;
    const outbox = [...this.#outbox];
    for (const fact of facts) {
      const previous = this.#last;
      const sequence = previous.boot === this.#boot ? previous.sequence + 1 : 1;
      this.#last = { boot: this.#boot, sequence };
      outbox.push({ position: this.#last, previous, fact });
    }
    this.#outbox = outbox;
    this.#changed();
    const { life } = this;
    clock.schedule(prng.between(100, SYNC_US_MAX), () => {
      if (this.life === life) this.#send();
    });
    this.#resendLater();
  }

  #changed(): void {
    this.#beat = undefined;
  }

  #send(): void {
    if (!this.connected) return;
    const waiting = this.#outbox.filter(({ position }) => isAfter(position, this.#sentThrough));
    for (let at = 0; at < waiting.length;) {
      const first = waiting[at] as Stored;
      let end = at + 1;
      while (waiting[end]?.position.boot === first.position.boot) end += 1;
      const facts = waiting.slice(at, end);
      at = end;
      this.#sentThrough = (facts.at(-1) as Stored).position;
      const payload = encodeFactBatch(this.#world.datacenter, {
        node: this.name,
        incarnation: `${this.name}-1`,
        previous: first.previous,
        first: first.position,
        facts: facts.map(({ fact }) => fact),
      });
      this.#world.publish(this.name, payload);
    }
  }

  #resend(): void {
    this.#sentThrough = this.#committed;
    this.#send();
  }

  /** While something waits. */
  #resendLater(): void {
    if (this.#resending) return;
    this.#resending = true;
    this.#world.clock.schedule(RESEND_US, () => {
      this.#resending = false;
      if (this.#outbox.length === 0 || !this.running) return;
      this.#resend();
      this.#resendLater();
    });
  }
}

function isAfter(position: OutboxPosition, than: OutboxPosition): boolean {
  return (
    position.boot > than.boot || (position.boot === than.boot && position.sequence > than.sequence)
  );
}
