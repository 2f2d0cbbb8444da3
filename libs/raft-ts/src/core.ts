/**
 * One replica's Raft, as a state machine without I/O: inputs go in, effects come out.
 *
 * `step` takes one input; `takeEffects` settles what several inputs allow together (one write, one
 * message per peer, one commit) and gives what to do, in the order that effect.ts fixes. It never
 * waits, calls nobody back, reads no clock. Called by the driver in raft-replica, the simulator and
 * tests.
 */
import type { Prng } from "@atoll/stdx";
import { assert, unreachable } from "@atoll/stdx";
import { applyLoaded, finishApply, nextApply } from "./apply.ts";
import { type ConformanceWays, OWN_WAYS } from "./conformance-ways.ts";
import type { Effect, Role } from "./effect.ts";
import { forgetLeader, settleElection, startCampaign, suspectLeader } from "./election.ts";
import type {
  Entry,
  HardState,
  LogPosition,
  Membership,
  ReplicaId,
  SnapshotMetadata,
} from "./entry.ts";
import type { Input } from "./input.ts";
import { RaftLog } from "./log.ts";
import { takeLookup } from "./lookup.ts";
import { isVoter } from "./membership.ts";
import { changeMembership, leaveJointByItself } from "./membership-state.ts";
import { finishWrite, startWrite } from "./persistence.ts";
import { propose } from "./propose.ts";
import { addRead, advanceReads } from "./reads.ts";
import { receive } from "./receive.ts";
import type { RecoveryView, Standing } from "./recovering-state.ts";
import { advanceRecovery, viewRecovery } from "./recovering.ts";
import { advanceCommit, peerStreamLost, replicate, sendLoaded } from "./replication.ts";
import { becomeFollower } from "./roles.ts";
import type { RaftSettings } from "./settings.ts";
import { checkRaftSettings, DEFAULT_RAFT_SETTINGS } from "./settings.ts";
import { finishInstall } from "./snapshot-receive.ts";
import { sendChunk } from "./snapshot-send.ts";
import { RaftState } from "./state.ts";
import { tick } from "./tick.ts";
import { checkTransfer, startTransfer } from "./transfer.ts";

/** What a store knows at start; the same shape as `RecoveredLog` of raft-replica. */
export interface RecoveredState {
  readonly hardState: HardState;
  readonly snapshot: SnapshotMetadata;
  readonly firstIndex: number;
  readonly tailPrevious: LogPosition;
  readonly tail: readonly Entry[];
  /** Default "whole". */
  readonly standing?: Standing;
}

export interface RaftCoreOptions {
  readonly id: ReplicaId;
  readonly recovered: RecoveredState;
  /**
   * For election timeouts and read contexts; must differ between replicas and between lives of one.
   */
  readonly prng: Prng;
  /** Defaults: {@link DEFAULT_RAFT_SETTINGS}. */
  readonly settings?: Partial<RaftSettings>;
  /** For replaying scenarios of other implementations alone. Default: {@link OWN_WAYS}. */
  readonly conformance?: ConformanceWays;
}

export interface PeerView {
  readonly id: ReplicaId;
  readonly matchIndex: number;
  readonly nextIndex: number;
  readonly state: "probe" | "replicate" | "snapshot";
  readonly active: boolean;
  /** It gets entries and does not count. */
  readonly learner: boolean;
  /** It lost its log and does not count until it is whole. */
  readonly recovering: boolean;
}

/** A look at the core, for status pages, checkers and transcripts. */
export interface CoreView {
  readonly id: ReplicaId;
  readonly role: Role;
  readonly term: number;
  readonly vote: ReplicaId;
  readonly leader: ReplicaId;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly stableIndex: number;
  readonly committedIndex: number;
  readonly appliedIndex: number;
  readonly snapshotIndex: number;
  readonly membership: Membership;
  /** Leader: a change of membership is refused until this index is applied; else 0. */
  readonly pendingMembershipIndex: number;
  /** Leader: to whom it is handing over; 0 for nobody. */
  readonly transferTo: ReplicaId;
  /** It led, was removed, and stepped down once a majority of those that stay knew. */
  readonly departed: boolean;
  /** Only while it is not whole. */
  readonly recovery: RecoveryView | undefined;
  /** Only on the leader: everybody else, voters and learners. */
  readonly peers: readonly PeerView[];
}

const NO_EFFECTS: readonly Effect[] = [];

export class RaftCore {
  readonly #state: RaftState;

  constructor(options: RaftCoreOptions) {
    const settings = { ...DEFAULT_RAFT_SETTINGS, ...options.settings };
    checkRaftSettings(settings);
    assert(Number.isSafeInteger(options.id) && options.id > 0, `replica id ${options.id}`);
    const { recovered } = options;
    this.#state = new RaftState({
      id: options.id,
      settings,
      ways: options.conformance ?? OWN_WAYS,
      prng: options.prng,
      log: new RaftLog({ ...recovered, commit: recovered.hardState.commit }),
      hardState: recovered.hardState,
      membership: recovered.snapshot.membership,
      standing: recovered.standing ?? "whole",
    });
    assert(recovered.hardState.term >= this.#state.log.lastTerm, "the log is of a later term");
    becomeFollower(this.#state, recovered.hardState.term, 0);
  }

  get committedIndex(): number {
    return this.#state.log.committedIndex;
  }

  get appliedIndex(): number {
    return this.#state.log.appliedIndex;
  }

  /** Durable here up to this index. */
  get stableIndex(): number {
    return this.#state.log.stableIndex;
  }

  get membership(): Membership {
    return this.#state.membership;
  }

  /** Takes one input. Effects gather until they are taken. */
  step(input: Input): void {
    const state = this.#state;
    switch (input.type) {
      case "tick":
        tick(state);
        break;
      case "message":
        receive(state, input.message);
        break;
      case "propose":
        propose(state, input.proposal, input.data);
        break;
      case "changeMembership":
        changeMembership(state, input.proposal, input.changes, input.transition);
        break;
      case "readIndex":
        addRead(state, input.read);
        break;
      case "persisted":
        this.#persisted(input.write);
        break;
      case "applied":
        finishApply(state, input.index);
        state.log.evict(state.settings.tailBytesMax);
        break;
      case "entriesLoaded":
        if (input.request === state.applyLoadRequest) {
          applyLoaded(state, input.loaded);
        } else if (input.request === state.lookup?.request) {
          const message = takeLookup(state, input.loaded);
          if (message !== undefined) receive(state, message);
        } else {
          sendLoaded(state, input.request, input.loaded);
        }
        break;
      case "snapshotChunkLoaded":
        sendChunk(state, input.request, input.chunk);
        break;
      case "snapshotSaved":
        if (input.metadata.index > state.log.snapshot.index) state.log.snapshot = input.metadata;
        break;
      case "compacted":
        state.log.firstIndex = Math.max(state.log.firstIndex, input.firstIndex);
        break;
      case "peerLost":
        suspectLeader(state, input.peer);
        peerStreamLost(state, input.peer);
        break;
      case "stalled":
        if (state.role === "leader") becomeFollower(state, state.term, 0);
        break;
      case "transferLeadership":
        startTransfer(state, input.to);
        break;
      case "campaign":
        startCampaign(state);
        break;
      case "electionTimeout":
        state.electionTimeoutTicks = input.ticks;
        break;
      case "forgetLeader":
        forgetLeader(state);
        break;
      default:
        unreachable(input, "input");
    }
  }

  /** Settles and gives everything to do, in the order of effect.ts. Mostly empty. */
  takeEffects(): readonly Effect[] {
    const state = this.#state;
    if (state.role === "leader") {
      advanceCommit(state);
      leaveJointByItself(state);
    }
    const apply = nextApply(state);
    if (state.recovery !== undefined) advanceRecovery(state);
    startWrite(state);
    if (state.role === "leader") {
      replicate(state);
      checkTransfer(state);
    }
    advanceReads(state);
    return this.#gather(apply);
  }

  view(): CoreView {
    const state = this.#state;
    const peers: PeerView[] = [];
    for (const [id, each] of state.progress) {
      const { matchIndex, nextIndex, active, recovering } = each;
      const learner = !isVoter(state.membership, id);
      peers.push({ id, matchIndex, nextIndex, state: each.state, active, learner, recovering });
    }
    return {
      id: state.id,
      role: state.role,
      term: state.term,
      vote: state.vote,
      leader: state.leader,
      firstIndex: state.log.firstIndex,
      lastIndex: state.log.lastIndex,
      lastTerm: state.log.lastTerm,
      stableIndex: state.log.stableIndex,
      committedIndex: state.log.committedIndex,
      appliedIndex: state.log.appliedIndex,
      snapshotIndex: state.log.snapshot.index,
      membership: state.membership,
      pendingMembershipIndex: state.pendingMembershipIndex,
      transferTo: state.transferTo,
      departed: state.departed,
      recovery: viewRecovery(state),
      peers,
    };
  }

  /** The term of the entry at `index`, undefined when it is not in memory. */
  termAt(index: number): number | undefined {
    return this.#state.log.termAt(index);
  }

  #persisted(write: number): void {
    const state = this.#state;
    const installed = finishWrite(state, write);
    if (installed !== undefined) finishInstall(state, installed);
    settleElection(state);
    state.sendAhead = false;
  }

  #gather(apply: Effect | undefined): readonly Effect[] {
    const state = this.#state;
    const { outbox } = state;
    const effects: Effect[] = [];
    for (const write of outbox.writes) effects.push(write);
    if (outbox.messages.length > 0) effects.push({ type: "send", messages: outbox.messages });
    for (const load of outbox.loads) effects.push(load);
    if (apply !== undefined) effects.push(apply);
    for (const answer of outbox.answers) effects.push(answer);
    const report = this.#leadershipChange();
    if (report !== undefined) effects.push(report);
    if (outbox.failure !== undefined) effects.push({ type: "failed", reason: outbox.failure });
    if (effects.length === 0) return NO_EFFECTS;
    outbox.writes = [];
    if (outbox.messages.length > 0) outbox.messages = [];
    outbox.loads = [];
    outbox.answers = [];
    return effects;
  }

  #leadershipChange(): Effect | undefined {
    const state = this.#state;
    const { term, leader, role, reported } = state;
    const leading = role === "leader" && state.log.appliedIndex >= state.termStartIndex;
    const same =
      reported.term === term &&
      reported.leader === leader &&
      reported.role === role &&
      reported.leading === leading;
    if (same) return undefined;
    state.reported = { term, leader, role, leading };
    return { type: "leadership", term, leader, role, leading };
  }
}
