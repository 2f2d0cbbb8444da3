/**
 * All that one replica knows, in one mutable record, and the rule by which its messages leave.
 *
 * The parts of the core are functions over it. It is private to this package: owners see
 * `RaftCore` only. No message of a term leaves before that term and its vote are durable
 * (Raft §5.1); what is sent earlier waits in `waiting`.
 */
import type { Prng } from "@atoll/stdx";
import type { ConformanceWays } from "./conformance-ways.ts";
import type { Effect, InstallSnapshotEffect, PersistEffect, Role } from "./effect.ts";
import type {
  Entry,
  HardState,
  LogPosition,
  Membership,
  ReplicaId,
  SnapshotMetadata,
} from "./entry.ts";
import type { RaftLog } from "./log.ts";
import type { AppendEntries, InstallSnapshot, Message } from "./message.ts";
import type { Progress } from "./progress.ts";
import type { Recovery, Standing } from "./recovering-state.ts";
import { startRecovery } from "./recovering-state.ts";
import type { RaftSettings } from "./settings.ts";

/**
 * A write under way. Truncation lowers `lastIndex`: what a later write replaces is not durable by
 * this one.
 */
export interface PendingWrite {
  readonly write: number;
  lastIndex: number;
  readonly hardState: HardState;
  /** Set when the write installs a received snapshot. */
  readonly installed: SnapshotMetadata | undefined;
  readonly hasEntries: boolean;
  /** Set when the write ends a recovery. */
  readonly standing: "whole" | "founded" | undefined;
}

/** Who asked for a read: this replica, or a follower under its own context. */
export type ReadOrigin =
  | { readonly type: "own"; readonly read: number }
  | {
      readonly type: "peer";
      readonly from: ReplicaId;
      readonly context: number;
      /** Answered instead of the round's index: a recovering replica must hold all of the log. */
      readonly index: number | undefined;
    };

/**
 * A round of heartbeats that confirms the leader for all reads taken in before it (dissertation
 * §6.4).
 */
export interface ReadRound {
  readonly number: number;
  readonly index: number;
  readonly origins: readonly ReadOrigin[];
  readonly confirmedBy: Set<ReplicaId>;
}

/** Own reads that a follower has asked its leader about, as one request. */
export interface ForwardedReads {
  readonly context: number;
  readonly reads: readonly number[];
  idleTicks: number;
  /** Asked while recovering: the answer says what to hold, which may not be committed yet. */
  askedRecovering: boolean;
}

/** A snapshot that arrives in chunks. */
export interface IncomingSnapshot {
  readonly metadata: SnapshotMetadata;
  readonly chunks: Uint8Array[];
  receivedBytes: number;
  checksum: number;
}

/** Older terms are read back, from `from` on. */
export interface TermLookup {
  readonly request: number;
  readonly from: number;
  /** A leader's message that cannot be judged before; undefined when none waits. */
  readonly message: AppendEntries | InstallSnapshot | undefined;
}

export interface LeadershipReport {
  readonly term: number;
  readonly leader: ReplicaId;
  readonly role: Role;
  readonly leading: boolean;
}

/** What the core has decided since effects were last taken. */
export class Outbox {
  writes: (PersistEffect | InstallSnapshotEffect)[] = [];
  messages: Message[] = [];
  loads: Effect[] = [];
  answers: Effect[] = [];
  failure: string | undefined;
}

export class RaftState {
  readonly id: ReplicaId;
  readonly settings: RaftSettings;
  readonly ways: ConformanceWays;
  readonly prng: Prng;
  readonly log: RaftLog;
  readonly outbox: Outbox = new Outbox();
  membership: Membership;

  term: number;
  vote: ReplicaId;
  /** The newest hard state that is durable. */
  durable: HardState;
  /** The newest hard state that was handed to a write. */
  handedHardState: HardState;
  /** Messages of this term that wait for `durable` to catch up with term and vote. */
  waiting: Message[] = [];
  /** Writes under way, oldest first. */
  pendingWrites: PendingWrite[] = [];
  nextWrite = 1;
  nextRequest = 1;

  role: Role = "follower";
  /** The leader of this term as far as known; 0 for none. */
  leader: ReplicaId = 0;
  /** The connection to `leader` broke and it was not heard since. */
  suspected = false;
  /** Ticks until this replica campaigns because of the suspicion; 0 for never. */
  suspicionTicks = 0;
  /**
   * Since the leader was heard or a vote was granted; on a leader, since the quorum was checked.
   */
  electionElapsedTicks = 0;
  electionTimeoutTicks = 0;
  heartbeatElapsedTicks = 0;
  votes: Map<ReplicaId, boolean> = new Map();
  /** This campaign was asked for by the leader, so voters need not wait for its silence. */
  transferCampaign = false;

  /** Follower: the log is known to agree with this term's leader up to here. */
  matchedIndex = 0;
  /** Follower: entries were taken in whose acknowledgement waits for their write. */
  acknowledgementOwed = false;
  incoming: IncomingSnapshot | undefined;
  /** Follower: a message that waits for terms to be read back. */
  lookup: TermLookup | undefined;

  /** Not whole, or founded and not sure of the others; undefined on all others. */
  recovery: Recovery | undefined;

  /** Leader: everybody else. */
  progress: Map<ReplicaId, Progress> = new Map();
  /** Leader: the index of its no-op; nothing before it commits by counting (Raft §5.4.2). */
  termStartIndex = 0;
  /** Leader: a change of membership is refused until this index is applied. */
  pendingMembershipIndex = 0;
  /** Leader: bytes of entries in memory that are not committed, or not applied yet. */
  unappliedBytes = 0;
  /** Leader: entries that no write has taken yet may be sent too, as the own disk is slow. */
  sendAhead = false;
  /** Leader: to whom it is handing over; 0 for nobody. */
  transferTo: ReplicaId = 0;
  transferTicks = 0;
  transferAsked = false;

  /** Own reads that no round or request has taken yet, with the ticks they have waited. */
  readsCollected: { read: number; ageTicks: number }[] = [];
  /** Ages of the reads in `readRound` and `forwarded`, by read. */
  readAges: Map<number, number> = new Map();
  /** Leader: reads of followers that no round has taken yet. */
  peerReads: ReadOrigin[] = [];
  readRound: ReadRound | undefined;
  nextReadRound = 1;
  forwarded: ForwardedReads | undefined;
  nextReadContext: number;

  /** An `apply` effect is out and not answered, up to this entry. */
  applying: LogPosition | undefined;
  /** The load of entries to apply that is under way; 0 for none. */
  applyLoadRequest = 0;
  /** The memberships among the entries being applied; the last one is in force after them. */
  applyingMembership: { readonly index: number; readonly membership: Membership } | undefined;
  /** Leader: where the entry stands by which it is a voter no more; 0 while it is one. */
  removedAtIndex = 0;
  /** It stepped down because a majority of those that stay knows of its removal. */
  departed = false;
  /** A membership entry waits to be applied until a durable hard state says it is committed. */
  commitToConfirm = 0;
  /** Entries to apply that were read back and not handed over yet. */
  loadedToApply: readonly Entry[] | undefined;
  reported: LeadershipReport;

  constructor(options: {
    readonly id: ReplicaId;
    readonly settings: RaftSettings;
    readonly ways: ConformanceWays;
    readonly prng: Prng;
    readonly log: RaftLog;
    readonly hardState: HardState;
    readonly membership: Membership;
    readonly standing: Standing;
  }) {
    this.id = options.id;
    this.settings = options.settings;
    this.ways = options.ways;
    this.prng = options.prng;
    this.log = options.log;
    this.membership = options.membership;
    this.term = options.hardState.term;
    this.vote = options.hardState.vote;
    this.durable = options.hardState;
    this.handedHardState = options.hardState;
    // Unique across restarts, so that an answer to an earlier life is never taken for one to this.
    this.nextReadContext = options.prng.nextUint32() * 2 ** 20 + 1;
    this.recovery = startRecovery(options.standing, this.term, takeContext(this));
    this.reported = { term: this.term, leader: 0, role: "follower", leading: false };
  }
}

/** Whether term and vote are durable, so that messages may leave. */
export function isHardStateDurable(state: RaftState): boolean {
  return state.durable.term === state.term && state.durable.vote === state.vote;
}

/** Sends `message` now, or once the hard state it depends on is durable. */
export function send(state: RaftState, message: Message): void {
  const marked: Message = isRecovering(state) ? { ...message, recovering: true } : message;
  const isFree = message.type === "heartbeatReply" && state.ways.answersHeartbeatsAtOnce;
  if (isFree || isHardStateDurable(state)) state.outbox.messages.push(marked);
  else if (state.waiting.length < state.settings.waitingMessagesMax) state.waiting.push(marked);
}

/** Whether this replica must be counted for nothing (docs/adr/0010). */
export function isRecovering(state: RaftState): boolean {
  return state.recovery !== undefined && state.recovery.standing !== "founded";
}

/** A number that no other question of this or an earlier life has. */
export function takeContext(state: RaftState): number {
  const context = state.nextReadContext;
  state.nextReadContext += 1;
  return context;
}

/** A number for a load that is under way. */
export function takeRequest(state: RaftState): number {
  const request = state.nextRequest;
  state.nextRequest += 1;
  return request;
}

/** Whether a leader was heard so recently that no election may disturb it (dissertation §4.2.3). */
export function isLeaderAlive(state: RaftState): boolean {
  if (!state.ways.checkQuorum) return false;
  if (state.role === "leader") return true;
  // Heartbeats reach the voters at different moments; the margin lets the first to time out win.
  const leaseTicks = state.settings.electionTimeoutTicksMin - state.settings.heartbeatTicks;
  return state.leader !== 0 && !state.suspected && state.electionElapsedTicks < leaseTicks;
}
