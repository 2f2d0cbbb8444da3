/**
 * A whole Raft group in one process: drivers, disks, network, and checkers around them.
 *
 * Replicas are the real `Replica` over the real core; only the ports are simulated. Crash, restart,
 * pause and cut are methods, so scenarios and random faults use the same group. Everything that
 * happens to a replica is followed by the checkers. Used by `simulateRaft` and by scenario tests.
 */
import { Digest64, type Prng } from "@atoll/stdx";
import { Replica, type ReplicaSettings } from "@atoll/raft-replica";
import type { Membership, Message, ReplicaId } from "raft-ts";
import { RaftCheckers } from "./raft-checkers.ts";
import { noCounters, type RaftCounters } from "./raft-counters.ts";
import { DiskLosses, isWhole } from "./raft-disk-losses.ts";
import { type LogImage, MemoryLogStore } from "./raft-log-store.ts";
import { DigestStateMachine } from "./raft-state-machine.ts";
import { countMessage, describe } from "./raft-trace.ts";
import { watchedStore } from "./raft-watched-store.ts";
import { countLeader, forgetWords, newMember, type SimulatedReplica } from "./raft-member.ts";
import { SimulatedNetwork } from "./simulated-network.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface RaftGroupOptions {
  readonly clock: VirtualClock;
  readonly prng: Prng;
  readonly membership: Membership;
  readonly settings: Partial<ReplicaSettings>;
  /** Whether all begin with blank disks, and found the group themselves. Default false. */
  readonly founding?: boolean;
  /** How long one tick is. Default 10 ms. */
  readonly tickUs?: number;
  /** Messages that arrive within this time are received together. Default 0: each for itself. */
  readonly receiveTogetherUs?: number;
  /** Snapshots get as large as this. Default 600 bytes. */
  readonly snapshotFillerBytesMax?: number;
  /** Told of every event, one line each; for reading a failing run. */
  readonly trace?: (line: string) => void;
}

/** Messages that a stopped process's sockets hold at most. */
const HELD_MESSAGES_MAX = 2_000;
const LONG_PAUSE_US = 10_000_000;

export class RaftGroup {
  readonly clock: VirtualClock;
  readonly network: SimulatedNetwork<Message>;
  readonly members: Map<ReplicaId, SimulatedReplica> = new Map();
  readonly checkers: RaftCheckers;
  readonly counters: RaftCounters = noCounters();
  readonly #options: RaftGroupOptions;
  readonly #prng: Prng;
  /** What is durable, by id. */
  readonly #images = new Map<ReplicaId, LogImage>();
  readonly #losses: DiskLosses;
  readonly #digest = new Digest64();
  readonly #chunksSeen = new Set<string>();

  constructor(options: RaftGroupOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.#prng = options.prng.child("group");
    this.network = new SimulatedNetwork<Message>({
      clock: options.clock,
      prng: options.prng.child("network"),
      deliver: (_from, to, message) => this.#deliver(to, message),
    });
    this.checkers = new RaftCheckers(options.membership, this.#images, (id, index) =>
      this.member(id).replica?.termAt(index),
    );
    this.#losses = new DiskLosses(this.checkers, this.counters);
    for (const id of options.membership.voters) this.addMember(id, options.membership);
    if (options.founding === true) {
      for (const member of this.members.values()) member.store.rebuild("blank");
    }
    for (const id of this.members.keys()) this.start(id);
  }

  /** Puts up a machine with an empty disk; it is down, and knows of `membership` alone. */
  addMember(id: ReplicaId, membership: Membership): void {
    const store = new MemoryLogStore({
      clock: this.clock,
      prng: this.#options.prng.child(`disk ${id}`),
      membership,
    });
    this.#images.set(id, store.durable);
    this.members.set(id, newMember(id, store, this.#newStateMachine(id)));
  }

  /** Everything that happened so far, as a digest: equal for equal seeds. */
  get digest(): string {
    return this.#digest.hex();
  }

  member(id: ReplicaId): SimulatedReplica {
    return this.members.get(id) as SimulatedReplica;
  }

  /** The member that leads and may decide, in the latest term. */
  leader(): SimulatedReplica | undefined {
    let best: SimulatedReplica | undefined;
    let bestTerm = -1;
    for (const member of this.members.values()) {
      const status = member.leading ? member.replica?.status() : undefined;
      if (status === undefined || status.role !== "leader" || status.term <= bestTerm) continue;
      best = member;
      bestTerm = status.term;
    }
    return best;
  }

  /** Starts a member that is down, from what its disk kept. */
  start(id: ReplicaId): void {
    const member = this.member(id);
    if (member.replica !== undefined || member.retired) return;
    member.lives += 1;
    if (member.lives > 1) this.counters.restarts += 1;
    if (member.distrusted) this.#losses.rebuild(member, "recovering");
    member.failed = false;
    member.leading = false;
    member.noTickBeforeUs = 0;
    member.stateMachine = this.#newStateMachine(id);
    const prng = this.#options.prng.child(`replica ${id} life ${member.lives}`);
    const tailBytesMax = this.#options.settings.raft?.tailBytesMax ?? 64 << 20;
    const recovered = member.store.recover(tailBytesMax);
    if (recovered.snapshot.index > 0) this.counters.restoresAtStart += 1;
    this.#note(`start ${id} term ${recovered.hardState.term} last ${recovered.last.index}`);
    member.replica = new Replica({
      id,
      recovered,
      store: watchedStore(member, {
        counters: this.counters,
        checkers: this.checkers,
        observe: () => this.#observe(member, false),
      }),
      transport: { send: (messages) => this.#send(id, messages) },
      stateMachine: member.stateMachine,
      observer: {
        leadershipChanged: (change) => {
          if (member.leading && !change.leading) this.counters.leadersDeposed += 1;
          if (!member.leading && change.leading) this.counters.elections += 1;
          member.leading = change.leading;
        },
        failed: (error) => this.#losses.failed(member, error),
      },
      prng,
      settings: this.#options.settings,
    });
    this.checkers.started(member.replica.status());
    this.#tickLater(member, member.lives, this.#prng.below(this.#tickUs()));
  }

  /** Power off. Peers see broken connections soon, if `peersNotice`. */
  crash(id: ReplicaId, peersNotice: boolean): void {
    const member = this.member(id);
    const { replica } = member;
    if (replica === undefined) return;
    this.counters.crashes += 1;
    this.#note(`crash ${id}`);
    // It answers nobody any more: outcomes of a dead process reach nobody.
    member.replica = undefined;
    member.heldMessages = undefined;
    member.heldCalls = [];
    member.inbox = [];
    member.leading = false;
    member.wasLeader = false;
    const { tornWrites, lostWrites } = member.store;
    member.store.crash();
    this.counters.tornWrites += member.store.tornWrites - tornWrites;
    this.counters.lostWrites += member.store.lostWrites - lostWrites;
    this.checkers.ended(id);
    const all = [...this.members.values()];
    if (all.length > 1 && all.every((each) => each.replica === undefined)) {
      this.counters.allDown += 1;
    }
    // Else messages for it linger, and may reach its next life.
    if (!peersNotice) return;
    for (const peer of this.members.keys()) {
      if (peer === id) continue;
      this.network.reset(id, peer);
      this.network.reset(peer, id);
      this.loseConnection(peer, id);
    }
  }

  /**
   * A member loses its disk: the log is damaged and was put aside ("recovering"), or the folder was
   * wiped ("blank"). It is down afterwards.
   */
  loseDisk(id: ReplicaId, standing: "recovering" | "blank"): void {
    const member = this.member(id);
    this.crash(id, this.#prng.chance(1, 2));
    this.counters[standing === "blank" ? "disksWiped" : "disksDamaged"] += 1;
    this.#note(`lose ${id} ${standing}`);
    this.#losses.rebuild(member, standing);
  }

  /** The folder of a member that is down is replaced by an older copy of itself. */
  bringBack(id: ReplicaId, earlier: LogImage): void {
    const member = this.member(id);
    this.#note(`bring back ${id} ${earlier.lastIndex} of ${member.store.durable.lastIndex}`);
    // An acknowledgement that is still under way would speak of what is not there any more.
    this.network.forget(id);
    for (const other of this.members.values()) forgetWords(other, id);
    this.#losses.bringBack(member, earlier);
  }

  /** The whole group loses its power at one moment. */
  losePower(): void {
    const running = [...this.members.values()].filter(({ replica }) => replica !== undefined);
    if (running.length > 1) this.counters.groupPowerLosses += 1;
    for (const { id } of running) this.crash(id, this.#prng.chance(3, 4));
  }

  /** Switches a machine off for ever. */
  retire(id: ReplicaId): void {
    this.crash(id, true);
    this.member(id).retired = true;
    this.counters.machinesRetired += 1;
  }

  /** Whether a member holds all it promised. */
  isWhole(id: ReplicaId): boolean {
    return isWhole(this.member(id));
  }

  /** `at` learns that its connection to `peer` broke. */
  loseConnection(at: ReplicaId, peer: ReplicaId): void {
    this.clock.schedule(this.#prng.between(50, 2_000), () => {
      const member = this.member(at);
      if (member.replica === undefined || member.heldMessages !== undefined) return;
      if (this.network.isCut(peer, at)) return;
      this.#note(`lost ${at} ${peer}`);
      member.replica.peerLost(peer);
      this.#observe(member);
    });
  }

  /** The process stands still; its sockets go on taking in. */
  pause(id: ReplicaId): void {
    const member = this.member(id);
    if (member.replica === undefined || member.heldMessages !== undefined) return;
    this.counters.pauses += 1;
    this.#note(`pause ${id}`);
    member.heldMessages = [];
    member.pausedAtUs = this.clock.nowUs;
    member.store.disk.hold();
  }

  /** It goes on; it may or may not notice that it stood still. */
  resume(id: ReplicaId, notices: boolean): void {
    const member = this.member(id);
    const { replica, heldMessages } = member;
    if (replica === undefined || heldMessages === undefined) return;
    this.#note(`resume ${id}`);
    const pausedUs = this.clock.nowUs - member.pausedAtUs;
    if (pausedUs >= LONG_PAUSE_US) this.counters.pausesOfTenSeconds += 1;
    member.heldMessages = undefined;
    if (notices) replica.stalled();
    member.store.disk.release();
    const { heldCalls, lives } = member;
    member.heldCalls = [];
    for (const call of heldCalls) this.use(id, call);
    this.#observe(member);
    // It reads its sockets one after the other, a little later.
    const lateUs = new Map<ReplicaId, number>();
    for (const message of heldMessages) {
      const delayUs = lateUs.get(message.from) ?? this.#prng.below(3_000);
      lateUs.set(message.from, delayUs);
      this.clock.schedule(delayUs, () => {
        if (member.lives === lives) this.#deliver(id, message);
      });
    }
  }

  /**
   * Calls into a replica from outside, followed by the checkers; one that stands still is called
   * when it goes on. False when it is down.
   */
  use(id: ReplicaId, call: (replica: Replica) => void): boolean {
    const member = this.member(id);
    if (member.replica === undefined) return false;
    if (member.heldMessages !== undefined) {
      if (member.heldCalls.length < HELD_MESSAGES_MAX) member.heldCalls.push(call);
      return true;
    }
    call(member.replica);
    this.#observe(member);
    return true;
  }

  /** The clock of a member jumps back: no ticks until it has come up again. */
  clockBack(id: ReplicaId, backUs: number): void {
    this.counters.clocksBack += 1;
    this.#note(`back ${id} ${backUs}`);
    this.member(id).noTickBeforeUs = this.clock.nowUs + backUs;
  }

  /** The clock of a member jumps ahead: so many ticks at once. */
  clockAhead(id: ReplicaId, ticks: number): void {
    this.counters.clockJumps += 1;
    this.#note(`jump ${id} ${ticks}`);
    for (let tick = 0; tick < ticks; tick += 1) this.use(id, (replica) => replica.tick());
  }

  /** Has the checkers look at a member now, in the middle of a step. */
  observe(id: ReplicaId): void {
    this.#observe(this.member(id), false);
  }

  #tickUs(): number {
    return this.#options.tickUs ?? 10_000;
  }

  /** Ticks come a little early or late, as timers do. */
  #tickLater(member: SimulatedReplica, life: number, delayUs: number): void {
    this.clock.schedule(delayUs, () => {
      if (member.lives !== life || member.replica === undefined) return;
      const tickUs = Math.floor((this.#tickUs() * 1000) / member.clockPerMille);
      const jitterUs = Math.floor(tickUs / 20);
      this.#tickLater(member, life, tickUs - jitterUs + this.#prng.below(2 * jitterUs));
      const isSilent = this.clock.nowUs < member.noTickBeforeUs;
      if (isSilent || member.heldMessages !== undefined) return;
      member.replica.tick();
      this.#observe(member);
    });
  }

  #deliver(to: ReplicaId, message: Message): void {
    const member = this.member(to);
    if (member.replica === undefined) return;
    if (member.heldMessages !== undefined) {
      if (member.heldMessages.length < HELD_MESSAGES_MAX) member.heldMessages.push(message);
      return;
    }
    this.#digest.integer(this.clock.nowUs).integer(to).integer(message.from).text(message.type);
    this.#options.trace?.(`${this.clock.nowUs} ${describe(message)}`);
    countMessage(this.counters, message, this.#chunksSeen);
    this.#receive(member, message);
  }

  #receive(member: SimulatedReplica, message: Message): void {
    const waitUs = this.#options.receiveTogetherUs ?? 0;
    member.inbox.push(message);
    if (member.inbox.length > 1) return;
    const { lives } = member;
    const receive = (): void => {
      const messages = member.inbox;
      if (member.lives !== lives || member.replica === undefined) return;
      member.inbox = [];
      if (member.heldMessages !== undefined) {
        member.heldMessages.unshift(...messages);
        return;
      }
      member.replica.receive(messages);
      this.#losses.received(member, messages);
      this.#observe(member);
    };
    if (waitUs === 0) receive();
    else this.clock.schedule(waitUs, receive);
  }

  #send(from: ReplicaId, messages: readonly Message[]): void {
    for (const message of messages) {
      this.checkers.sent(message);
      this.network.send(from, message.to, message);
    }
  }

  #observe(member: SimulatedReplica, settled = true): void {
    const { replica } = member;
    if (replica === undefined || member.failed) return;
    const status = replica.status();
    this.checkers.observed(status, (index) => replica.termAt(index));
    if (settled) this.checkers.settled(status);
    countLeader(this.counters, member, status);
    this.#losses.observed(member, status);
  }

  #newStateMachine(id: ReplicaId): DigestStateMachine {
    const fillerBytesMax = this.#options.snapshotFillerBytesMax ?? 600;
    const stateMachine: DigestStateMachine = new DigestStateMachine(fillerBytesMax, {
      applied: (entries, hashes) => {
        const term = this.member(id).replica?.status().term ?? 0;
        this.checkers.applied(id, entries, { term, hashes });
        this.checkers.state(id, stateMachine.appliedIndex, stateMachine.digest);
      },
      restored: () => {
        this.checkers.state(id, stateMachine.appliedIndex, stateMachine.digest);
      },
    });
    return stateMachine;
  }

  #note(line: string): void {
    this.#digest.integer(this.clock.nowUs).text(line);
    this.#options.trace?.(`${this.clock.nowUs} ${line}`);
  }
}
