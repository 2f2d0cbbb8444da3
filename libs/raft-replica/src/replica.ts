/**
 * Drives one Raft replica: executes what the core wants over the ports, and answers its callers.
 *
 * Synchronous and without timers. Whatever happens (a call, a message, a completion) becomes an
 * input in a queue; one loop takes inputs and executes effects, so nothing recurses into the core
 * and no port is called from inside another's callback. Effects run in the order that raft-ts'
 * effect.ts fixes. The first failure stops it for good. Called by services through {@link
 * ReplicaDriver}, and by the simulator.
 */
import { assert, unreachable } from "@atoll/stdx";
import type {
  Effect,
  Entry,
  Input,
  MembershipChange,
  MembershipTransition,
  Message,
  ReplicaId,
  SnapshotMetadata,
} from "raft-ts";
import { entryBytes, RaftCore } from "raft-ts";
import { OperatorVerbs } from "./operator-verbs.ts";
import { LogLostError } from "./log-lost-error.ts";
import { PendingProposals } from "./pending-proposals.ts";
import { PendingReads } from "./pending-reads.ts";
import type {
  LogStore,
  MembershipOutcome,
  PeerTransport,
  ProposalOutcome,
  ReadOutcome,
  ReplicaDriver,
  ReplicaObserver,
  ReplicaStatus,
  SnapshotOutcome,
  StateMachine,
  TransferOutcome,
} from "./ports.ts";
import type { ReplicaOptions } from "./replica-options.ts";
import type { ReplicaSettings } from "./settings.ts";
import { checkReplicaSettings, DEFAULT_REPLICA_SETTINGS } from "./settings.ts";
import { statusOf } from "./replica-status.ts";
import { SnapshotRequests } from "./snapshot-requests.ts";
import { Snapshots } from "./snapshots.ts";

/** See {@link ReplicaDriver} for its methods. */
export class Replica implements ReplicaDriver {
  readonly #core: RaftCore;
  readonly #store: LogStore;
  readonly #transport: PeerTransport;
  readonly #stateMachine: StateMachine;
  readonly #observer: ReplicaObserver;
  readonly #settings: ReplicaSettings;
  readonly #snapshots: Snapshots;
  readonly #verbs: OperatorVerbs;
  readonly #proposals: PendingProposals;
  readonly #reads = new PendingReads();
  #leader: ReplicaId = 0;
  #inputs: Input[] = [];
  #draining = false;
  #stopped = false;
  #failure: Error | undefined;
  #appliedIndex: number;
  #appliedTerm: number;
  /** The state is not restored yet; entries to apply wait in `#heldApply`. */
  #restoring = false;
  #heldApply: readonly Entry[] | undefined;
  /** Bytes of entries applied in this turn of the loop. */
  #turnBytes = 0;
  #snapshotDue = false;
  readonly #snapshotRequests = new SnapshotRequests();

  /**
   * Begins a life as a follower; where there is a snapshot to restore, reading it begins at once.
   * Throws Bug when a setting is out of range or contradicts another, when `id` is none, and when
   * `recovered` contradicts itself, as `RaftCore` says.
   */
  constructor(options: ReplicaOptions) {
    const { recovered } = options;
    this.#store = options.store;
    this.#transport = options.transport;
    this.#stateMachine = options.stateMachine;
    this.#observer = options.observer;
    this.#settings = { ...DEFAULT_REPLICA_SETTINGS, ...options.settings };
    checkReplicaSettings(this.#settings);
    this.#appliedIndex = recovered.snapshot.index;
    this.#appliedTerm = recovered.snapshot.term;
    this.#core = new RaftCore({
      id: options.id,
      recovered,
      prng: options.prng,
      settings: this.#settings.raft,
    });
    this.#proposals = new PendingProposals(this.#settings.proposalsPendingMax);
    this.#snapshots = new Snapshots({
      store: options.store,
      stateMachine: options.stateMachine,
      settings: this.#settings,
      snapshotIndex: recovered.snapshot.index,
      saved: (metadata) => {
        this.#give({ type: "snapshotSaved", metadata });
        this.#answerSnapshots();
      },
      compacted: (firstIndex) => this.#give({ type: "compacted", firstIndex }),
      failed: (error) => this.#fail(error),
    });
    this.#verbs = new OperatorVerbs({
      promoteLagEntries: this.#settings.promoteLagEntries,
      view: () => this.#core.view(),
      change: (changes, done) => this.changeMembership(changes, "auto", done),
      transfer: (to) => this.#give({ type: "transferLeadership", to }),
    });
    if (recovered.snapshot.sizeBytes > 0) this.#restore(recovered.snapshot);
  }

  tick(): void {
    this.#give({ type: "tick" });
    if (this.#stopped) return;
    this.#verbs.tick();
    this.#snapshots.tick();
  }

  receive(messages: readonly Message[]): void {
    for (const message of messages) this.#inputs.push({ type: "message", message });
    this.#drain();
  }

  peerLost(peer: ReplicaId): void {
    this.#give({ type: "peerLost", peer });
  }

  propose(data: readonly Uint8Array[], done: (outcome: ProposalOutcome) => void): void {
    const proposal = this.#ask((outcome) => {
      assert(outcome.type !== "invalid", "only a change of members can be invalid");
      done(outcome);
    });
    if (proposal !== 0) this.#give({ type: "propose", proposal, data });
  }

  changeMembership(
    changes: readonly MembershipChange[],
    transition: MembershipTransition,
    done: (outcome: MembershipOutcome) => void,
  ): void {
    const proposal = this.#ask(done);
    if (proposal === 0) return;
    this.#give({ type: "changeMembership", proposal, changes, transition });
  }

  readIndex(done: (outcome: ReadOutcome) => void): void {
    if (this.#stopped) {
      done({ type: "refused", reason: "stopped", leader: this.#leader });
      return;
    }
    if (this.#reads.size >= this.#settings.readsPendingMax) {
      done({ type: "refused", reason: "overloaded", leader: this.#leader });
      return;
    }
    this.#reads.add(done);
    this.#drain();
  }

  stalled(): void {
    this.#give({ type: "stalled" });
  }

  addReplica(id: ReplicaId, done: (outcome: MembershipOutcome) => void): void {
    this.#verbs.add(id, done);
  }

  removeReplica(id: ReplicaId, done: (outcome: MembershipOutcome) => void): void {
    this.#verbs.remove(id, done);
  }

  transferLeadership(
    to: ReplicaId,
    done: (outcome: TransferOutcome) => void = () => undefined,
  ): void {
    this.#verbs.transfer(to, done);
  }

  handOver(done: (outcome: TransferOutcome) => void): void {
    this.#verbs.handOver(done);
  }

  snapshotNow(done: (outcome: SnapshotOutcome) => void): void {
    if (this.#stopped) {
      done({ type: "refused", reason: "stopped" });
      return;
    }
    this.#snapshotRequests.add(this.#appliedIndex, done);
    this.#answerSnapshots();
    this.#drain();
  }

  status(): ReplicaStatus {
    const appliedIndex = this.#appliedIndex;
    return statusOf(this.#core.view(), { appliedIndex, stopped: this.#stopped });
  }

  /** The term of the entry at `index`; undefined when it is not in memory. For checkers. */
  termAt(index: number): number | undefined {
    return this.#core.termAt(index);
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#inputs = [];
    const leader = this.#leader;
    this.#proposals.stop(leader);
    this.#reads.stop(leader);
    this.#verbs.stop(leader);
    this.#snapshotRequests.stop();
  }

  /** A number for a proposal that is to be answered by `done`; 0 when it is answered already. */
  #ask(done: (outcome: MembershipOutcome) => void): number {
    if (!this.#stopped) return this.#proposals.ask(done, this.#leader);
    done({ type: "refused", reason: "stopped", leader: this.#leader });
    return 0;
  }

  #give(input: Input): void {
    this.#inputs.push(input);
    this.#drain();
  }

  /** The one loop. What its own effects cause is taken in the next round. */
  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#turnBytes = 0;
    try {
      while (!this.#stopped) {
        this.#applyHeld();
        const inputs = this.#inputs;
        if (inputs.length > 0) this.#inputs = [];
        for (const input of inputs) this.#core.step(input);
        const read = this.#reads.ask();
        if (read !== 0) this.#core.step({ type: "readIndex", read });
        const effects = this.#core.takeEffects();
        for (const effect of effects) this.#execute(effect);
        this.#snapshotIfDue();
        const idle = this.#inputs.length === 0 && effects.length === 0;
        if (idle && !this.#reads.hasCollected) break;
      }
    } finally {
      this.#draining = false;
    }
  }

  #execute(effect: Effect): void {
    if (this.#stopped) return;
    switch (effect.type) {
      case "persist":
      case "installSnapshot":
        this.#write(effect);
        break;
      case "send":
        this.#transport.send(effect.messages);
        break;
      case "loadEntries":
        this.#loadEntries(effect);
        break;
      case "loadSnapshotChunk":
        this.#loadSnapshotChunk(effect);
        break;
      case "apply":
        this.#heldApply = effect.entries;
        this.#applyHeld();
        break;
      case "proposalAccepted":
      case "proposalRefused":
        this.#proposals.answered(effect, this.#appliedIndex, this.#leader);
        break;
      case "readReady":
        // A snapshot that is still being restored is not in the state yet.
        this.#reads.ready(effect.read, effect.index, this.#restoring ? 0 : this.#appliedIndex);
        break;
      case "readRefused":
        this.#reads.refused(effect.read, effect.reason, effect.leader);
        break;
      case "leadership": {
        const { term, leader, leading } = effect;
        this.#leader = leader;
        const ownTerm = effect.role === "leader" ? term : 0;
        this.#proposals.leadershipChanged(ownTerm, this.#core.committedIndex, leader);
        if (effect.role !== "leader") this.#verbs.leadershipLost(leader);
        this.#observer.leadershipChanged({ term, leader, leading });
        break;
      }
      case "failed":
        this.#fail(new LogLostError(effect.reason));
        break;
      default:
        unreachable(effect, "effect");
    }
  }

  #write(effect: Extract<Effect, { readonly write: number }>): void {
    const { write } = effect;
    const done = (error: Error | undefined): void => {
      if (error !== undefined) this.#fail(error);
      else this.#give({ type: "persisted", write });
    };
    if (effect.type === "persist") {
      const { hardState, entries, standing } = effect;
      const write = { hardState, entries };
      this.#store.write(standing === undefined ? write : { ...write, standing }, done);
      return;
    }
    const { metadata, chunks, hardState } = effect;
    // From here on entries to apply are those behind the snapshot.
    this.#restoring = true;
    this.#heldApply = undefined;
    this.#snapshots.installing(metadata);
    this.#store.installSnapshot(metadata, chunks, hardState, (error) => {
      if (error === undefined) this.#restore(metadata);
      done(error);
    });
    this.#appliedIndex = metadata.index;
    this.#appliedTerm = metadata.term;
    this.#proposals.overtaken(metadata.index, this.#leader);
    this.#answerSnapshots();
  }

  /** Reads the snapshot that the log begins with into the state; entries to apply wait for that. */
  #restore(metadata: SnapshotMetadata): void {
    this.#restoring = true;
    this.#snapshots.restore(metadata, () => {
      this.#restoring = false;
      this.#reads.applied(this.#appliedIndex);
      this.#drain();
    });
  }

  #loadEntries(effect: Extract<Effect, { readonly type: "loadEntries" }>): void {
    const { request, from, to, maxBytes } = effect;
    this.#store.readEntries({ from, to, maxBytes }, (error, range) => {
      if (error !== undefined && !isCompacted(error)) this.#fail(error);
      else this.#give({ type: "entriesLoaded", request, loaded: range });
    });
  }

  #loadSnapshotChunk(effect: Extract<Effect, { readonly type: "loadSnapshotChunk" }>): void {
    const { request, index, offset, maxBytes } = effect;
    this.#store.readSnapshot({ index, offset, maxBytes }, (error, chunk) => {
      if (error !== undefined && !isCompacted(error)) this.#fail(error);
      else this.#give({ type: "snapshotChunkLoaded", request, chunk });
    });
  }

  #apply(entries: readonly Entry[]): void {
    const last = entries.at(-1) as Entry;
    this.#stateMachine.apply(entries);
    this.#appliedIndex = last.index;
    this.#appliedTerm = last.term;
    this.#inputs.push({ type: "applied", index: last.index });
    this.#proposals.applied(entries, this.#leader);
    this.#reads.applied(last.index);
    let bytes = 0;
    for (const entry of entries) bytes += entryBytes(entry);
    this.#turnBytes += bytes;
    if (this.#snapshots.applied(last.index, bytes)) this.#snapshotDue = true;
  }

  #applyHeld(): void {
    const held = this.#heldApply;
    if (held === undefined || this.#restoring) return;
    if (this.#turnBytes >= this.#settings.applyBytesPerTurnMax) return;
    this.#heldApply = undefined;
    this.#apply(held);
  }

  #snapshotIfDue(): void {
    if (!this.#snapshotDue || this.#snapshots.isSaving || this.#restoring) return;
    if (this.#core.stableIndex < this.#appliedIndex) return;
    // The membership after the last applied entry is known once the core has heard of it.
    if (this.#core.appliedIndex !== this.#appliedIndex) return;
    this.#snapshotDue = false;
    this.#snapshots.take(this.#appliedIndex, this.#appliedTerm, this.#core.membership);
  }

  /** Tells who has what it asked for; a snapshot is due for the others. */
  #answerSnapshots(): void {
    if (this.#snapshotRequests.answer(this.#snapshots.snapshotIndex)) this.#snapshotDue = true;
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined || this.#stopped) return;
    this.#failure = error;
    this.stop();
    this.#observer.failed(error);
  }
}

function isCompacted(error: Error): boolean {
  return (error as Error & { readonly code?: unknown }).code === "COMPACTED";
}
