/**
 * A node with its agent, as the protocol demands of it, and nothing more.
 *
 * A model: the disk (outbox, journal, identity), what runs on the node, and the agent that a crash
 * takes away. It speaks the real encoding over the bus. Each service fact carries a unique tag, so
 * that the history can count it. Used by `simulateDatacenter`.
 */
import {
  decodeActionOrder,
  decodeDirective,
  decodeWithdrawal,
  encodeActionReply,
  encodeFactBatch,
  encodeHeartbeat,
} from "@atoll/codec";
import type {
  ActionId,
  DatacenterName,
  Fact,
  FileObservation,
  NodeName,
  Order,
  OutboxPosition,
  ServiceKey,
  ServiceObservation,
  TargetKey,
} from "@atoll/domain";
import { FACTS_PER_BATCH_MAX, fileTarget, serviceTarget } from "@atoll/domain";
import type { AgentBus, MemoryBus } from "@atoll/event-bus";
import type { Prng } from "@atoll/stdx";
import type { DatacenterHistory } from "./datacenter-history.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface SimulatedNodeOptions {
  readonly name: NodeName;
  readonly datacenter: DatacenterName;
  readonly labels: Readonly<Record<string, string>>;
  readonly clock: VirtualClock;
  readonly prng: Prng;
  readonly bus: MemoryBus;
  readonly history: DatacenterHistory;
}

interface Stored {
  readonly position: OutboxPosition;
  readonly previous: OutboxPosition;
  readonly fact: Fact;
}

/** What survives a crash of the agent; a wipe replaces it. */
interface Disk {
  readonly incarnation: string;
  boot: number;
  last: OutboxPosition;
  committed: OutboxPosition;
  outbox: Stored[];
  term: number;
  readonly generations: Map<TargetKey, number>;
  /** Action → whether its result has been stored. */
  readonly journal: Map<ActionId, boolean>;
  readonly withdrawn: Set<ActionId>;
  readonly services: Map<ServiceKey, ServiceObservation>;
  readonly files: Map<string, FileObservation>;
}

const NOWHERE: OutboxPosition = { boot: 0, sequence: 0 };
const HEARTBEAT_US = 1_000_000;
const RESEND_US = 2_000_000;
const SYNC_US_MAX = 2_000;

export class SimulatedNode {
  readonly name: NodeName;
  readonly #options: SimulatedNodeOptions;
  #disk: Disk;
  /** Raised by every crash and start: callbacks of an earlier life do nothing. */
  #life = 0;
  #bus: AgentBus | undefined;
  #sentThrough: OutboxPosition = NOWHERE;
  #wipes = 0;
  #tags = 0;
  #maintenance = false;

  constructor(options: SimulatedNodeOptions) {
    this.#options = options;
    this.name = options.name;
    this.#disk = this.#newDisk();
    this.start();
  }

  get running(): boolean {
    return this.#bus !== undefined;
  }

  get outboxSize(): number {
    return this.#disk.outbox.length;
  }

  get agentBus(): AgentBus | undefined {
    return this.#bus;
  }

  start(): void {
    if (this.#bus !== undefined) return;
    this.#life += 1;
    const life = this.#life;
    const disk = this.#disk;
    disk.boot += 1;
    const bus = this.#options.bus.agent(this.name);
    this.#bus = bus;
    this.#sentThrough = disk.committed;
    bus.onOrder((payload, reply) => this.#order(life, payload, reply));
    bus.onDirective((payload) => this.#directive(payload));
    bus.onProbe((answer) => {
      if (this.#life === life) answer(this.#heartbeat());
    });
    bus.onConnection(({ connected }) => {
      if (this.#life !== life) return;
      const { history, clock } = this.#options;
      history.connected(this.name, connected ? clock.monotonicMs() : undefined);
      if (connected) this.#resend();
    });
    this.#store([
      {
        type: "agentStarted",
        observedAtMs: this.#options.clock.realtimeMs(),
        agentVersion: "simulated",
        bootId: `boot-${disk.boot}`,
        labels: this.#options.labels,
        services: [...disk.services.values()],
        files: [...disk.files.values()],
      },
      ...this.#unfinished(),
    ]);
    this.#bus.publishHeartbeat(this.#heartbeat());
    this.#options.clock.schedule(this.#options.prng.below(HEARTBEAT_US), () => {
      if (this.#life === life) this.#beat(life);
    });
    this.#resendLater(life);
  }

  /** The agent dies; the node and its services go on. */
  crash(): void {
    if (this.#bus === undefined) return;
    this.#options.history.connected(this.name, undefined);
    this.#life += 1;
    void this.#bus.close();
    this.#bus = undefined;
  }

  /** Reinstalled: a new disk under the old name. */
  wipe(): void {
    this.crash();
    for (const { fact } of this.#disk.outbox) {
      if (fact.type === "serviceObserved") this.#options.history.forgotten(fact.service.reason);
    }
    this.#wipes += 1;
    this.#disk = this.#newDisk();
  }

  /** One of its services ends by itself; its agent, if it runs, sees that. */
  crashService(): void {
    const running = [...this.#disk.services.values()].filter(({ status }) => status === "healthy");
    if (running.length === 0 || this.#bus === undefined) return;
    this.#observe({ ...this.#options.prng.pick(running), status: "crashed", pid: 0 });
  }

  #newDisk(): Disk {
    return {
      incarnation: `${this.#options.name}-life-${this.#wipes + 1}`,
      boot: 0,
      last: NOWHERE,
      committed: NOWHERE,
      outbox: [],
      term: 0,
      generations: new Map(),
      journal: new Map(),
      withdrawn: new Set(),
      services: new Map(),
      files: new Map(),
    };
  }

  /** Orders that were journaled and whose result is not known: they are not run again. */
  #unfinished(): Fact[] {
    const facts: Fact[] = [];
    for (const [action, finished] of this.#disk.journal) {
      if (finished) continue;
      this.#disk.journal.set(action, true);
      facts.push(this.#finished(action, "failed", "the agent restarted while the action ran"));
    }
    return facts;
  }

  #finished(action: ActionId, outcome: "succeeded" | "failed", reason: string): Fact {
    const observedAtMs = this.#options.clock.realtimeMs();
    return { type: "actionFinished", observedAtMs, action, outcome, reason, durationMs: 1 };
  }

  #observe(service: ServiceObservation): void {
    this.#tags += 1;
    const tagged = { ...service, reason: `${this.#disk.incarnation}/${this.#tags}` };
    this.#disk.services.set(service.key, tagged);
    this.#store([
      { type: "serviceObserved", observedAtMs: this.#options.clock.realtimeMs(), service: tagged },
    ]);
  }

  /** Makes facts durable, then sends them. A crash before that takes them. */
  #store(facts: readonly Fact[]): void {
    const life = this.#life;
    const disk = this.#disk;
    for (const fact of facts) {
      const previous = disk.last;
      const position =
        previous.boot === disk.boot
          ? { boot: disk.boot, sequence: previous.sequence + 1 }
          : { boot: disk.boot, sequence: 1 };
      disk.last = position;
      disk.outbox.push({ position, previous, fact });
      if (fact.type === "serviceObserved") this.#options.history.taken(fact.service.reason);
    }
    this.#options.clock.schedule(this.#options.prng.between(100, SYNC_US_MAX), () => {
      if (this.#life === life) this.#send();
    });
  }

  #send(): void {
    const { datacenter } = this.#options;
    const waiting = this.#disk.outbox.filter(({ position }) =>
      isAfter(position, this.#sentThrough),
    );
    for (const [first, ...rest] of batches(waiting)) {
      if (first === undefined) continue;
      const facts = [first, ...rest];
      this.#sentThrough = (facts.at(-1) as Stored).position;
      const payload = encodeFactBatch(datacenter, {
        node: this.name,
        incarnation: this.#disk.incarnation,
        previous: first.previous,
        first: first.position,
        facts: facts.map(({ fact }) => fact),
      });
      this.#bus?.publishFacts(payload, () => {});
    }
  }

  #resend(): void {
    this.#sentThrough = this.#disk.committed;
    this.#send();
  }

  #resendLater(life: number): void {
    this.#options.clock.schedule(RESEND_US, () => {
      if (this.#life !== life) return;
      this.#resend();
      this.#resendLater(life);
    });
  }

  #beat(life: number): void {
    this.#bus?.publishHeartbeat(this.#heartbeat());
    this.#options.clock.schedule(HEARTBEAT_US, () => {
      if (this.#life === life) this.#beat(life);
    });
  }

  #heartbeat(): Uint8Array {
    const { datacenter } = this.#options;
    const { incarnation, last, committed } = this.#disk;
    const maintenance = this.#maintenance;
    const more = { maintenance, server: "memory" };
    return encodeHeartbeat({ datacenter, node: this.name, incarnation, last, committed, ...more });
  }

  #directive(payload: Uint8Array): void {
    const decoded = decodeDirective(payload);
    if (decoded.type === "undecodable") return;
    const { term, incarnation, committed, maintenance } = decoded.value;
    const disk = this.#disk;
    if (incarnation !== disk.incarnation || term < disk.term) return;
    disk.term = term;
    this.#maintenance = maintenance;
    if (!isAfter(committed, disk.committed)) return;
    disk.committed = committed;
    disk.outbox = disk.outbox.filter(({ position }) => isAfter(position, committed));
  }

  #order(life: number, payload: Uint8Array, reply: (payload: Uint8Array) => void): void {
    const decoded = decodeActionOrder(payload);
    if (this.#life !== life) return;
    if (decoded.type === "undecodable") return this.#withdraw(payload, reply);
    const { term, action, generation, target, order, incarnation } = decoded.value;
    const disk = this.#disk;
    const answer = (
      code: "accepted" | "staleTerm" | "staleGeneration" | "otherIncarnation" | "unable",
    ): void => reply(encodeActionReply({ code, reason: "", term: disk.term }));
    if (incarnation !== disk.incarnation) return answer("otherIncarnation");
    if (term < disk.term) return answer("staleTerm");
    disk.term = term;
    if (disk.withdrawn.has(action)) return answer("unable");
    if (disk.journal.has(action)) return answer("accepted");
    if (generation <= (disk.generations.get(target) ?? 0)) return answer("staleGeneration");
    disk.generations.set(target, generation);
    disk.journal.set(action, false);
    const { clock, prng } = this.#options;
    clock.schedule(prng.between(100, SYNC_US_MAX), () => {
      if (this.#life === life) answer("accepted");
    });
    clock.schedule(prng.between(SYNC_US_MAX, 60_000), () => {
      if (this.#life === life && !disk.withdrawn.has(action)) this.#run(action, order);
    });
  }

  /** Until it runs, an action may be taken back for good. */
  #withdraw(payload: Uint8Array, reply: (payload: Uint8Array) => void): void {
    const decoded = decodeWithdrawal(payload);
    if (decoded.type === "undecodable") return;
    const { term, action, generation, target, incarnation } = decoded.value;
    const disk = this.#disk;
    const answer = (code: "withdrawn" | "begun" | "staleTerm" | "otherIncarnation"): void =>
      reply(encodeActionReply({ code, reason: "", term: disk.term }));
    if (incarnation !== disk.incarnation) return answer("otherIncarnation");
    if (term < disk.term) return answer("staleTerm");
    disk.term = term;
    if (disk.journal.get(action) === true && !disk.withdrawn.has(action)) return answer("begun");
    disk.generations.set(target, Math.max(generation, disk.generations.get(target) ?? 0));
    disk.journal.set(action, true);
    disk.withdrawn.add(action);
    this.#options.history.withdrawn(action);
    answer("withdrawn");
  }

  #run(action: ActionId, order: Order): void {
    this.#options.history.ran(action);
    const disk = this.#disk;
    const observedAtMs = this.#options.clock.realtimeMs();
    const facts: Fact[] = [];
    switch (order.type) {
      case "writeFile": {
        const { path, digest } = order.file;
        const file: FileObservation = { path, digest, status: "inSync", diff: "", reason: "" };
        disk.files.set(path, file);
        facts.push({ type: "fileObserved", observedAtMs, file });
        break;
      }
      case "removeFile":
        disk.files.delete(order.path);
        facts.push({ type: "fileForgotten", observedAtMs, path: order.path });
        break;
      case "startService":
      case "restartService": {
        const { key, digest } = order.service;
        this.#observe({ key, digest, status: "healthy", pid: 1, reason: "" });
        break;
      }
      case "stopService":
        disk.services.delete(order.key);
        facts.push({ type: "serviceForgotten", observedAtMs, key: order.key });
        break;
    }
    disk.journal.set(action, true);
    this.#store([...facts, this.#finished(action, "succeeded", "")]);
  }

  /** Which targets it holds; for the final check. */
  targets(): TargetKey[] {
    return [
      ...[...this.#disk.services.keys()].map(serviceTarget),
      ...[...this.#disk.files.keys()].map(fileTarget),
    ];
  }
}

function isAfter(position: OutboxPosition, than: OutboxPosition): boolean {
  return (
    position.boot > than.boot || (position.boot === than.boot && position.sequence > than.sequence)
  );
}

/** Runs of one boot, each within the bound of a batch. */
function batches(stored: readonly Stored[]): Stored[][] {
  const found: Stored[][] = [];
  for (const one of stored) {
    const current = found.at(-1);
    const last = current?.at(-1);
    const joins =
      last?.position.boot === one.position.boot && (current?.length ?? 0) < FACTS_PER_BATCH_MAX;
    if (joins) current?.push(one);
    else found.push([one]);
  }
  return found;
}
