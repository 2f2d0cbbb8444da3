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
import type { DatacenterName, FactBatch, LogEntry, NodeName, StateView } from "@atoll/domain";
import type { BusScheduler, MemoryBus, OrchestratorBus, Unsubscribe } from "@atoll/event-bus";
import { Replica, type ReplicaSettings } from "@atoll/raft-replica";
import type { Prng } from "@atoll/stdx";
import type { Message, ReplicaId } from "raft-ts";
import type { DatacenterTimeChecker } from "./datacenter-time-checker.ts";
import type { MemoryLogStore } from "./raft-log-store.ts";
import type { ReplicaClock } from "./replica-clock.ts";
import { SimulatedTime } from "./simulated-time.ts";
import { simulatedWatch } from "./simulated-watch.ts";
import { Violation } from "./violation.ts";

/** Who holds what a replica does against what it may do. */
export interface OrchestratorHistory {
  /** It applied `data` at `index`. */
  applied(
    replica: number,
    index: number,
    entry: LogEntry | undefined,
    applied: { readonly data: Uint8Array; readonly view: StateView; readonly nowMs: number },
  ): void;
  /** Its state after `index`, as canonical bytes. */
  state(replica: number, index: number, chunks: readonly Uint8Array[]): void;
  /** As leader it is about to declare a node lost, by the incarnation that the log has of it. */
  accused(node: NodeName, incarnation: string, nowMs: number): void;
  /** What leaders stamp entries with. */
  readonly time: Pick<DatacenterTimeChecker, "proposed" | "begins">;
}

export interface SimulatedOrchestratorOptions {
  readonly id: ReplicaId;
  readonly datacenter: DatacenterName;
  readonly clock: ReplicaClock;
  readonly prng: Prng;
  readonly store: MemoryLogStore;
  readonly bus: MemoryBus;
  readonly scheduler: BusScheduler;
  readonly codec: LogCodec;
  readonly history: OrchestratorHistory;
  /** Its state is shown to the history after each so many entries. Default 25. */
  readonly stateCheckEvery?: number;
  readonly settings: Partial<ReplicaSettings>;
  readonly control: ControlSettings;
  readonly send: (messages: readonly Message[]) => void;
  /** Runs one turn of its loop; whoever measures it sees how long that took. */
  readonly turn?: (what: Turn, run: () => void) => void;
}

/** What a turn of a replica's loop does. */
export type Turn = "raft" | "watch" | "leader" | "lead" | "restore";

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

  get watch(): ReplicaWatch | undefined {
    return this.#life?.watch;
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
    const { stateCheckEvery = STATE_CHECK_EVERY } = this.#options;
    const state = new ReplicatedState(codec);
    state.onApplied((index, entry, data) => {
      history.applied(id, index, entry, {
        data,
        view: state.datacenter,
        nowMs: this.#options.clock.monotonicMs(),
      });
      if (index % stateCheckEvery === 0) history.state(id, index, state.snapshot());
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
        restore: ({ index: through }) => {
          const restore = state.restoreInPieces(through);
          return {
            take: (chunk) => this.#turn("restore", () => restore.take(chunk)),
            finish: () => this.#turn("restore", () => restore.finish()),
          };
        },
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
      if (this.#life !== life || life === undefined) return;
      this.#turn("raft", () => life.replica.receive([message]));
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
          if (this.#life === life) this.#turn("leader", () => leader.run());
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
    this.#turn("lead", () => leader.lead(term));
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
      this.#turn("raft", () => life.replica.tick());
      this.#turn("watch", () => life.watch.tick());
      this.#turn("leader", () => life.leader.run());
    });
  }

  #turn(what: Turn, run: () => void): void {
    const { turn } = this.#options;
    if (turn === undefined) run();
    else turn(what, run);
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
