/**
 * A node with its agent, as the protocol demands of it, and nothing more.
 *
 * A model: the disk (outbox, journal, identity), what runs on the node, and the agent that a crash
 * takes away. It speaks the real encoding over the bus. Each service fact carries a unique tag, so
 * that the history can count it. Used by `simulateDatacenter`.
 */
import {
  type ActionReplyCode,
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
  ServiceObservation,
} from "@atoll/domain";
import type { AgentBus, MemoryBus } from "@atoll/event-bus";
import type { Prng } from "@atoll/stdx";
import type { DatacenterHistory } from "./datacenter-history.ts";
import {
  batches,
  isAfter,
  NOWHERE,
  SimulatedAgentDisk,
  type Stored,
} from "./simulated-agent-disk.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface SimulatedNodeOptions {
  readonly name: NodeName;
  readonly datacenter: DatacenterName;
  readonly labels: Readonly<Record<string, string>>;
  readonly clock: VirtualClock;
  readonly prng: Prng;
  readonly bus: MemoryBus;
  readonly history: DatacenterHistory;
  /** A second machine under the name of another: its disk, and only its own is its business. */
  readonly twin?: SimulatedAgentDisk;
}

const HEARTBEAT_US = 1_000_000;
const RESEND_US = { min: 2_000_000, max: 10_000_000 };
/** How long, and in how many directives, the log must contradict the outbox. */
const CONTRADICTION_MS = 30_000;
const CONTRADICTIONS = 5;
const SYNC_US_MAX = 2_000;

export class SimulatedNode {
  readonly name: NodeName;
  readonly #options: SimulatedNodeOptions;
  #disk: SimulatedAgentDisk;
  /** Raised by every crash and start: callbacks of an earlier life do nothing. */
  #life = 0;
  #bus: AgentBus | undefined;
  #sentThrough: OutboxPosition = NOWHERE;
  #wipes = 0;
  #tags = 0;
  #copies = 0;
  #maintenance = false;
  #contested = false;
  #contradictions = 0;
  #contradictedAtMs = 0;

  constructor(options: SimulatedNodeOptions) {
    this.#options = options;
    this.name = options.name;
    this.#disk = options.twin ?? this.#newDisk();
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
    disk.beginBoot();
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
      this.#tellConnected(connected);
      if (connected) this.#resend();
    });
    this.#contradictions = 0;
    this.#contested = false;
    this.#store([this.#started(), ...this.#unfinished()]);
    this.#bus.publishHeartbeat(this.#heartbeat());
    this.#options.clock.schedule(this.#options.prng.below(HEARTBEAT_US), () => {
      if (this.#life === life) this.#beat(life);
    });
    this.#resendLater(life);
  }

  /** The agent dies; the node and its services go on. */
  crash(): void {
    if (this.#bus === undefined) return;
    this.#tellConnected(false);
    this.#life += 1;
    void this.#bus.close();
    this.#bus = undefined;
  }

  /** Reinstalled: a new disk under the old name. */
  wipe(): void {
    this.lose();
    this.#wipes += 1;
    this.#disk = this.#newDisk();
  }

  /** The machine is gone with its disk, and what its outbox still held. */
  lose(): void {
    this.crash();
    for (const { fact } of this.#disk.outbox) {
      if (fact.type === "serviceObserved") this.#options.history.forgotten(fact.service.reason);
    }
  }

  /** A second machine of this name, with a copy of the disk or an empty one. */
  twin(copied: boolean): SimulatedNode {
    this.#copies += 1;
    this.#options.history.identity.twinned(this.name);
    const id = `${this.name}-twin-${this.#wipes}-${this.#copies}`;
    const disk = copied ? this.#disk.copy(id) : new SimulatedAgentDisk(id);
    return new SimulatedNode({ ...this.#options, twin: disk });
  }

  /** Its machine is gone, and the twin's is the node: its agent restarts there. */
  giveWayTo(twin: SimulatedNode): void {
    this.lose();
    twin.crash();
    this.#disk = twin.#disk;
    this.#tags = twin.#tags;
    this.#copies += 1;
    this.start();
  }

  /** One of its services ends by itself; its agent, if it runs, sees that. */
  crashService(): void {
    const running = [...this.#disk.services.values()].filter(({ status }) => status === "healthy");
    if (running.length === 0 || this.#bus === undefined) return;
    this.#observe({ ...this.#options.prng.pick(running), status: "crashed", pid: 0 });
  }

  #newDisk(): SimulatedAgentDisk {
    return new SimulatedAgentDisk(`${this.#options.name}-${this.#wipes + 1}`);
  }

  #tellConnected(connected: boolean): void {
    const { history, clock, twin } = this.#options;
    if (twin !== undefined) return;
    const incarnation = (): string => this.#disk.incarnation;
    history.connected(
      this.name,
      connected ? { atMs: clock.monotonicMs(), incarnation } : undefined,
    );
  }

  #started(): Fact {
    const { clock, labels } = this.#options;
    return this.#disk.started(clock.realtimeMs(), labels);
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
    const tagged = { ...service, reason: `${this.#disk.id}/${this.#tags}` };
    this.#disk.services.set(service.key, tagged);
    this.#store([
      { type: "serviceObserved", observedAtMs: this.#options.clock.realtimeMs(), service: tagged },
    ]);
  }

  /** Makes facts durable, then sends them. A crash before that takes them. */
  #store(facts: readonly Fact[]): void {
    const life = this.#life;
    for (const fact of facts) {
      this.#disk.store(fact);
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
    const { clock, prng } = this.#options;
    clock.schedule(prng.between(RESEND_US.min, RESEND_US.max), () => {
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
    const { instance, boot } = this.#disk;
    const process = { instance, host: this.#disk.id, bootId: `boot-${boot}`, pid: 1, address: "" };
    const more = { maintenance, server: "memory", process };
    return encodeHeartbeat({ datacenter, node: this.name, incarnation, last, committed, ...more });
  }

  #directive(payload: Uint8Array): void {
    const decoded = decodeDirective(payload);
    if (decoded.type === "undecodable") return;
    const { term, incarnation, committed, maintenance, contested = false } = decoded.value;
    const disk = this.#disk;
    if (term < disk.term) return;
    if (this.#contested && !contested) this.#resend();
    this.#contested = contested;
    if (contested) this.#maintenance = true;
    const { left } = decoded.value;
    const has = left?.incarnation === disk.incarnation && !disk.isForeign(left.committed);
    if (has) disk.forget(left.committed);
    const other = incarnation !== disk.incarnation;
    if (other && disk.committed.boot === 0) return;
    const foreign = other || disk.isForeign(committed);
    const behind = !foreign && isAfter(disk.committed, committed);
    if (foreign || behind || isAfter(committed, disk.last)) {
      return this.#contradicted(foreign && contested);
    }
    this.#contradictions = 0;
    disk.term = term;
    this.#maintenance = maintenance;
    disk.forget(committed);
  }

  /** @param certain another agent is the node for the log. */
  #contradicted(certain: boolean): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#contradictions === 0) this.#contradictedAtMs = nowMs;
    this.#contradictions += 1;
    const long = nowMs - this.#contradictedAtMs >= CONTRADICTION_MS;
    if (!certain && (!long || this.#contradictions < CONTRADICTIONS)) return;
    this.#contradictions = 0;
    this.#disk.startOver();
    this.#sentThrough = NOWHERE;
    this.#store([this.#started()]);
  }

  #order(life: number, payload: Uint8Array, reply: (payload: Uint8Array) => void): void {
    const decoded = decodeActionOrder(payload);
    if (this.#life !== life) return;
    if (decoded.type === "undecodable") return this.#withdraw(payload, reply);
    const { term, action, generation, target, order, incarnation, instance } = decoded.value;
    const disk = this.#disk;
    const answer = (code: Exclude<ActionReplyCode, "withdrawn" | "begun">): void =>
      reply(encodeActionReply({ code, reason: "", term: disk.term }));
    if (incarnation !== disk.incarnation) return answer("otherIncarnation");
    if ((instance ?? disk.instance) !== disk.instance) return answer("otherInstance");
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
    const { term, action, generation, target, incarnation, instance } = decoded.value;
    const disk = this.#disk;
    const answer = (code: ActionReplyCode): void =>
      reply(encodeActionReply({ code, reason: "", term: disk.term }));
    if (incarnation !== disk.incarnation) return answer("otherIncarnation");
    if ((instance ?? disk.instance) !== disk.instance) return answer("otherInstance");
    if (term < disk.term) return answer("staleTerm");
    disk.term = term;
    if (disk.journal.get(action) === true && !disk.withdrawn.has(action)) return answer("begun");
    disk.generations.set(target, Math.max(generation, disk.generations.get(target) ?? 0));
    disk.journal.set(action, true);
    disk.withdrawn.add(action);
    this.#options.history.withdrawn(action, this.name);
    answer("withdrawn");
  }

  #run(action: ActionId, order: Order): void {
    const disk = this.#disk;
    const nowMs = this.#options.clock.monotonicMs();
    this.#options.history.ran(action, { node: this.name, disk: disk.id, nowMs });
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

  /** For the final check: whether it is its agent that the log goes on with, and what it holds. */
  get disk(): Pick<SimulatedAgentDisk, "isHeldBy" | "targets"> {
    return this.#disk;
  }
}
