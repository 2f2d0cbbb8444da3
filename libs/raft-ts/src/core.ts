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
import { waysOf } from "./conformance-ways.ts";
import type { CoreView } from "./core-view.ts";
import { viewOf } from "./core-view.ts";
import type { Effect } from "./effect.ts";
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
import { changeMembership, leaveJointByItself } from "./membership-state.ts";
import { finishWrite, startWrite } from "./persistence.ts";
import { propose } from "./propose.ts";
import { addRead, advanceReads } from "./reads.ts";
import { receive } from "./receive.ts";
import type { Standing } from "./recovering-state.ts";
import { advanceRecovery } from "./recovering.ts";
import { advanceCommit, peerStreamLost, replicate, sendLoaded } from "./replication.ts";
import { becomeFollower } from "./roles.ts";
import type { RaftSettings } from "./settings.ts";
import { checkRaftSettings, DEFAULT_RAFT_SETTINGS } from "./settings.ts";
import { finishInstall } from "./snapshot-receive.ts";
import { sendChunk } from "./snapshot-send.ts";
import { RaftState } from "./state.ts";
import { tick } from "./tick.ts";
import { checkTransfer, startTransfer } from "./transfer.ts";

/**
 * What a store knows at start; the same shape as `RecoveredLog` of raft-replica. The store has
 * checked it: a core trusts what it is given.
 */
export interface RecoveredState {
  /** The last that was written; zeros for a new replica. */
  readonly hardState: HardState;
  /** The newest complete one; at least the founding one, at index 0 with the first membership. */
  readonly snapshot: SnapshotMetadata;
  /** The first index that the store can give; one past the log's end when there is none. */
  readonly firstIndex: number;
  /** The position before the first entry of `tail`; the log's end when `tail` is empty. */
  readonly tailPrevious: LogPosition;
  /** The newest entries, contiguous, up to the log's end; older ones are read back when needed. */
  readonly tail: readonly Entry[];
  /** Whether the log holds all that was promised with it. Default "whole". */
  readonly standing?: Standing;
}

export interface RaftCoreOptions {
  /** A positive safe integer, unique for ever within the group. */
  readonly id: ReplicaId;
  readonly recovered: RecoveredState;
  /**
   * For election timeouts and read contexts; must differ between replicas and between lives of one.
   */
  readonly prng: Prng;
  /** Defaults: {@link DEFAULT_RAFT_SETTINGS}. */
  readonly settings?: Partial<RaftSettings>;
}

const NO_EFFECTS: readonly Effect[] = [];

/**
 * Whatever throws Bug here is a fault of the owner, of its store or of this library. The core must
 * not be used afterwards: its process ends, and what is durable is what the next life begins with.
 */
export class RaftCore {
  readonly #state: RaftState;

  /**
   * Begins a life as a follower without a leader. Nothing is applied but the snapshot: the state
   * machine holds exactly that, and entries behind it are handed over anew once they are known to
   * be committed.
   *
   * Throws Bug when the settings contradict each other or are no whole numbers of 1 or more, when
   * `id` is no positive safe integer, when the log ends before what the hard state or the snapshot
   * says is committed, or when its last entry is of a later term than the hard state.
   */
  constructor(options: RaftCoreOptions) {
    const settings = { ...DEFAULT_RAFT_SETTINGS, ...options.settings };
    checkRaftSettings(settings);
    assert(Number.isSafeInteger(options.id) && options.id > 0, `replica id ${options.id}`);
    const { recovered } = options;
    this.#state = new RaftState({
      id: options.id,
      settings,
      ways: waysOf(options),
      prng: options.prng,
      log: new RaftLog({ ...recovered, commit: recovered.hardState.commit }),
      hardState: recovered.hardState,
      membership: recovered.snapshot.membership,
      standing: recovered.standing ?? "whole",
    });
    assert(recovered.hardState.term >= this.#state.log.lastTerm, "the log is of a later term");
    becomeFollower(this.#state, recovered.hardState.term, 0);
  }

  /** Known to be committed here up to this index; never falls within a life. */
  get committedIndex(): number {
    return this.#state.log.committedIndex;
  }

  /** Applied up to this index, as `applied` said, or by a snapshot that was installed. */
  get appliedIndex(): number {
    return this.#state.log.appliedIndex;
  }

  /** Durable here up to this index. */
  get stableIndex(): number {
    return this.#state.log.stableIndex;
  }

  /** In force; that after `appliedIndex`. */
  get membership(): Membership {
    return this.#state.membership;
  }

  /**
   * Takes one input. Effects gather until they are taken; nothing is called back.
   *
   * Messages may be lost, repeated, late, and for somebody else; what makes no sense is ignored.
   * Completions must be exact. Throws Bug when `persisted` names another write than the oldest
   * under way, when `entriesLoaded` brings other entries than the next to apply, or none, when
   * `propose` is empty and this replica leads, and when an invariant of Raft is broken, as by two
   * leaders in one term: then another replica has lied or lost what it promised.
   */
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

  /**
   * Settles what the inputs since the last call allow together, and gives everything to do, in the
   * order of effect.ts; each effect once. Mostly empty. Throws Bug as `step` does.
   */
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

  /** How it stands now; see {@link CoreView}. Costs an object per peer: not for every step. */
  view(): CoreView {
    return viewOf(this.#state);
  }

  /** The term of the entry at `index`; undefined when it is not in memory, or there is none. */
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
