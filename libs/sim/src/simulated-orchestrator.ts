/**
 * One orchestrator replica under simulation: real Raft, real state, real leader; simulated disk,
 * network, bus and clock.
 *
 * Joins the parts as the orchestrator's composition root does. A crash loses everything but the
 * disk. Used by `simulateDatacenter`.
 */
import {
  decodeActionReply,
  decodeFactBatch,
  encodeActionOrder,
  encodeDirective,
  encodeWithdrawal,
} from "@atoll/codec";
import {
  addresseeOf,
  type AgentLink,
  type ControlSettings,
  type DatacenterTime,
  Leader,
  type LogCodec,
  type OrderReply,
  orderReplyOf,
  ReplicatedState,
  type ReplicaWatch,
} from "@atoll/control";
import type { DatacenterName, FactBatch, NodeName, StateView } from "@atoll/domain";
import type { BusScheduler, MemoryBus, OrchestratorBus, Unsubscribe } from "@atoll/event-bus";
import { Replica, type ReplicaSettings } from "@atoll/raft-replica";
import type { Prng } from "@atoll/stdx";
import type { Message, ReplicaId } from "raft-ts";
import type { DatacenterHistory } from "./datacenter-history.ts";
import type { MemoryLogStore } from "./raft-log-store.ts";
import type { ReplicaClock } from "./replica-clock.ts";
import { SimulatedTime } from "./simulated-time.ts";
import { simulatedWatch } from "./simulated-watch.ts";
import { Violation } from "./violation.ts";

export interface SimulatedOrchestratorOptions {
  readonly id: ReplicaId;
  readonly datacenter: DatacenterName;
  readonly clock: ReplicaClock;
  readonly prng: Prng;
  readonly store: MemoryLogStore;
  readonly bus: MemoryBus;
  readonly scheduler: BusScheduler;
  readonly codec: LogCodec;
  readonly history: DatacenterHistory;
  readonly settings: Partial<ReplicaSettings>;
  readonly control: ControlSettings;
  readonly send: (messages: readonly Message[]) => void;
}

/** What lives from a start to a crash. */
interface Life {
  readonly replica: Replica;
  readonly state: ReplicatedState;
  readonly leader: Leader;
  readonly watch: ReplicaWatch;
  readonly time: DatacenterTime;
  readonly bus: OrchestratorBus;
  reading: Unsubscribe | undefined;
}

const TICK_US = 10_000;
/** From a request to run to the run itself: one turn of a loop. */
const TURN_US = 30;
const STATE_CHECK_EVERY = 25;
const TAIL_BYTES_MAX = 1 << 20;

export class SimulatedOrchestrator {
  readonly #options: SimulatedOrchestratorOptions;
  #life: Life | undefined;
  #lives = 0;

  constructor(options: SimulatedOrchestratorOptions) {
    this.#options = options;
    this.start();
  }

  get id(): ReplicaId {
    return this.#options.id;
  }

  get running(): boolean {
    return this.#life !== undefined;
  }

  get leader(): Leader | undefined {
    return this.#life?.leader;
  }

  get state(): ReplicatedState | undefined {
    return this.#life?.state;
  }

  get time(): DatacenterTime | undefined {
    return this.#life?.time;
  }

  get clock(): ReplicaClock {
    return this.#options.clock;
  }

  get bus(): OrchestratorBus | undefined {
    return this.#life?.bus;
  }

  start(): void {
    if (this.#life !== undefined) return;
    this.#lives += 1;
    const { codec, store, prng, id, settings, history } = this.#options;
    const state = new ReplicatedState(codec);
    state.onApplied((index, entry, data) => {
      history.applied(id, index, entry, {
        data,
        view: state.datacenter,
        nowMs: this.#options.clock.monotonicMs(),
      });
      if (index % STATE_CHECK_EVERY === 0) history.state(id, index, state.snapshot());
    });
    const replica: Replica = new Replica({
      id,
      recovered: store.recover(TAIL_BYTES_MAX),
      store,
      transport: { send: (messages) => this.#options.send(messages) },
      stateMachine: {
        apply: (entries) => {
          for (const { index, type, data } of entries) {
            state.apply(index, type === "data" ? data : new Uint8Array(0));
          }
        },
        snapshot: () => state.snapshotInSlices(),
        restore: (metadata, chunks) => state.restore(metadata.index, chunks),
      },
      observer: {
        leadershipChanged: (change) => this.#leadershipChanged(life, change.leading, change.term),
        failed: (error) => {
          throw error;
        },
      },
      prng: prng.child(`life ${this.#lives}`),
      settings,
    });
    const life = this.#makeLife(replica, state);
    this.#life = life;
    this.#tick(life);
  }

  /** Power off: everything but the disk is gone. */
  crash(): void {
    const life = this.#life;
    if (life === undefined) return;
    this.#life = undefined;
    life.reading?.();
    void life.bus.close();
    this.#options.store.crash();
    this.#options.clock.resume();
  }

  receive(message: Message): void {
    const life = this.#life;
    this.#options.clock.message(() => {
      if (this.#life === life) life?.replica.receive([message]);
    });
  }

  peerLost(peer: ReplicaId): void {
    const life = this.#life;
    this.#options.clock.message(() => {
      if (this.#life === life) life?.replica.peerLost(peer);
    });
  }

  #makeLife(replica: Replica, state: ReplicatedState): Life {
    const { clock, codec, control, datacenter, history, id, prng } = this.#options;
    const bus = this.#options.bus.orchestrator(this.#options.scheduler);
    const time = new SimulatedTime(history, {
      replica: id,
      voters: () => replica.status().membership.voters,
      stampMs: () => state.datacenter.stampMs,
      clock,
    });
    const watch = simulatedWatch({
      datacenter,
      replica: id,
      state,
      bus,
      clock,
      time,
      prng: prng.child(`watch ${this.#lives}`),
      settings: control.detection,
      history,
    });
    let runRequested = false;
    const leader: Leader = new Leader({
      datacenter,
      state,
      codec,
      clock,
      time,
      settings: control,
      presence: watch,
      link: agentLink(bus, () => state.datacenter),
      observer: { batchCommitted: () => {}, orderAnswered: () => {} },
      log: {
        propose: (data, done) => {
          history.time.proposed(codec.decodeLogEntry(data).stampMs, clock.monotonicMs());
          replica.propose([data], (outcome) => {
            if (this.#life !== life) return;
            if (outcome.type === "committed") done({ type: "committed", index: outcome.lastIndex });
            else done({ type: outcome.type });
          });
        },
        confirmLeadership: (done) => {
          replica.readIndex((outcome) => {
            if (this.#life !== life) return;
            done(outcome.type === "ready" && replica.status().role === "leader");
          });
        },
      },
      requestRun: () => {
        if (runRequested) return;
        runRequested = true;
        clock.schedule(TURN_US, () => {
          runRequested = false;
          if (this.#life === life) leader.run();
        });
      },
    });
    const life: Life = { replica, state, leader, watch, time, bus, reading: undefined };
    return life;
  }

  #leadershipChanged(life: Life, leading: boolean, term: number): void {
    const { leader, bus } = life;
    if (leader.leading) {
      life.reading?.();
      life.reading = undefined;
      leader.resign();
    }
    if (!leading) return;
    leader.lead(term);
    life.reading = bus.readFacts(leader.streamPosition, (batch, ready) => {
      const messages = batch.messages.map(({ payload, sequence }) => {
        const read = (): FactBatch | undefined => {
          const decoded = decodeFactBatch(payload);
          return decoded.type === "decoded" ? decoded.value.batch : undefined;
        };
        return { sequence, read };
      });
      leader.offerFacts(batch.created, messages, ready);
    });
  }

  #tick(life: Life): void {
    this.#options.clock.schedule(TICK_US, () => {
      if (this.#life !== life) return;
      this.#tick(life);
      life.replica.tick();
      life.watch.tick();
      life.leader.run();
    });
  }
}

function agentLink(bus: OrchestratorBus, view: () => StateView): AgentLink {
  return {
    sendOrder: ({ term, node, action, timeoutMs }, done) => {
      if (view().pause !== undefined) throw new Violation(`${action.id} was sent in a pause`);
      const payload = encodeActionOrder({
        term,
        action: action.id,
        generation: action.generation,
        target: action.target,
        timeoutMs,
        order: action.order,
        ...addresseeOf(node),
      });
      bus.sendOrder(node.name, payload, 900, (reply) => done(understood(reply)));
    },
    sendWithdrawal: ({ term, node, action }, done) => {
      const { id, generation, target } = action;
      const payload = encodeWithdrawal({
        term,
        action: id,
        generation,
        target,
        ...addresseeOf(node),
      });
      bus.sendOrder(node.name, payload, 900, (reply) => done(understood(reply)));
    },
    sendDirective: (node: NodeName, directive) =>
      bus.sendDirective(node, encodeDirective(directive)),
    forgetFacts: ({ created, sequence }) => bus.forgetFacts(created, sequence),
  };
}

function understood(reply: Uint8Array | undefined): OrderReply {
  if (reply === undefined) return { type: "silent" };
  const decoded = decodeActionReply(reply);
  return decoded.type === "undecodable" ? { type: "silent" } : orderReplyOf(decoded.value);
}
