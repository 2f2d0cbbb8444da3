/**
 * One replica of a scenario: a RaftCore, and its work cut into the steps that scenarios name.
 *
 * The core decides at once, input by input. What it wants gathers until the scenario lets the
 * replica work: `takeReady` starts its writes and sends its messages; where storage is
 * asynchronous, writes and application wait further for their own commands. It never decides
 * anything about Raft. Called by group.ts.
 */
import { assert, Prng } from "@atoll/stdx";
import type { CoreView, Effect, Entry, Input, InstallSnapshotEffect, PersistEffect } from "raft-ts";
import { RaftCore } from "raft-ts";
import { withWays } from "raft-ts/conformance";
import type { Outgoing } from "./outgoing.ts";
import { ReplicaStore } from "./replica-store.ts";
import type { ReplicaOptions } from "./replica-options.ts";
import { coreSettings, foundingState, theirWays } from "./replica-options.ts";
import {
  leavesWithItsWrite,
  waitsForAppendThread,
  writesBeforeAppendThread,
} from "./translation.ts";

type WriteEffect = PersistEffect | InstallSnapshotEffect;

/** A member's look at itself when it handed over its work. */
export interface Observation {
  readonly view: CoreView;
  /** Entries in memory, durable or not, after `baseIndex`. */
  readonly log: readonly Entry[];
  readonly baseIndex: number;
}

/** What the append thread does in one step. */
interface AppendWork {
  readonly writes: readonly WriteEffect[];
  readonly messages: readonly Outgoing[];
}

export class Replica {
  readonly id: number;
  readonly options: ReplicaOptions;
  readonly core: RaftCore;
  readonly store: ReplicaStore;
  /** Answers to what was asked of the core last. */
  answers: Effect[] = [];
  /** Itself before the present command, and after every input since. */
  moments: Observation[] = [];
  #messages: Outgoing[] = [];
  #writes: WriteEffect[] = [];
  #apply: readonly Entry[] | undefined;
  /** The scenario lets entries be applied up to here. */
  #mayApplyTo: number;
  /** Durable and so to be told to the core by a message of its own, oldest first. */
  #finished: WriteEffect[] = [];
  readonly #appendWork: AppendWork[] = [];
  readonly #applyWork: number[] = [];
  /** Replaced as a whole, never changed. */
  #log: readonly Entry[] = [];
  #baseIndex: number;
  #reported: string;
  #reportedCommit: number;

  constructor(id: number, options: ReplicaOptions) {
    this.id = id;
    this.options = options;
    const { stored, recovered } = foundingState(options);
    this.store = new ReplicaStore(stored);
    const settings = coreSettings(options);
    const own = { id, recovered, prng: new Prng(id), settings };
    this.core = new RaftCore(withWays(own, theirWays(options)));
    this.#baseIndex = options.index;
    this.#mayApplyTo = options.index;
    this.#reportedCommit = options.index;
    this.#reported = this.#position();
    this.beginCommand();
  }

  beginCommand(): void {
    this.moments = [this.observe()];
  }

  view(): CoreView {
    return this.core.view();
  }

  observe(): Observation {
    return { view: this.view(), log: this.#log, baseIndex: this.#baseIndex };
  }

  step(input: Input): void {
    this.core.step(input);
    this.#gather(this.core.takeEffects());
    this.moments.push(this.observe());
    this.#applyWhatMay();
  }

  /** Messages that the scenario makes this replica send with its next work. */
  enqueue(message: Outgoing): void {
    this.#messages.push(message);
  }

  get hasReady(): boolean {
    const next = this.#apply?.[0]?.index ?? 0;
    return (
      this.#messages.length > 0 ||
      this.#writes.length > 0 ||
      next > this.#mayApplyTo ||
      this.core.committedIndex > this.#reportedCommit ||
      this.#position() !== this.#reported
    );
  }

  get hasAppendWork(): boolean {
    return this.#appendWork.length > 0;
  }

  get hasApplyWork(): boolean {
    return this.#applyWork.length > 0;
  }

  /** Hands over what gathered: gives what it saw of itself, and what it sends. */
  takeReady(): { readonly observation: Observation; readonly messages: readonly Outgoing[] } {
    const observation = this.observe();
    const messages = this.#messages;
    const writes = this.#writes;
    this.#messages = [];
    this.#writes = [];
    this.#reported = this.#position();
    const commitIsNews = this.core.committedIndex > this.#reportedCommit;
    this.#reportedCommit = this.core.committedIndex;
    if (this.options.asyncStorage) {
      const sent = this.#handToThreads(writes, messages, commitIsNews);
      return { observation, messages: sent };
    }
    for (const write of writes) this.store.write(write);
    this.#mayApplyTo = this.#nextApplyLimit();
    this.#applyWhatMay();
    const replies = this.#finish(writes);
    // A membership is applied once a write says that it is committed; that write is this one's.
    while (this.core.appliedIndex < this.#mayApplyTo && this.#writes.length > 0) {
      if (this.#writes.some((write) => write.type !== "persist" || write.entries.length > 0)) break;
      const late = this.#writes;
      this.#writes = [];
      for (const write of late) this.store.write(write);
      replies.push(...this.#finish(late));
    }
    return { observation, messages: [...messages, ...replies] };
  }

  /** One step of the append thread; gives what it lets go. */
  processAppendThread(): readonly Outgoing[] {
    const work = this.#appendWork.shift();
    if (work === undefined) return [];
    for (const write of work.writes) this.store.write(write);
    const { role } = this.view();
    if (role === "leader" || role === "candidate" || this.#finished.length > 0) {
      // What a replica owes itself comes by a message, as a vote or acknowledgement of another.
      this.#finished.push(...work.writes);
      return work.messages;
    }
    return [...work.messages, ...this.#finish(work.writes)];
  }

  /** One step of the apply thread. */
  processApplyThread(): void {
    const limit = this.#applyWork.shift();
    if (limit === undefined) return;
    this.#mayApplyTo = limit;
    this.#applyWhatMay();
  }

  get hasFinishedWrites(): boolean {
    return this.#finished.length > 0;
  }

  /** The replica hears that its own writes are durable. */
  hearFinishedWrites(): void {
    const finished = this.#finished;
    this.#finished = [];
    for (const { write } of finished) this.step({ type: "persisted", write });
  }

  #handToThreads(
    writes: readonly WriteEffect[],
    messages: readonly Outgoing[],
    commitIsNews: boolean,
  ): readonly Outgoing[] {
    const idle = this.#appendWork.length === 0 && this.#finished.length === 0;
    const early = idle && writesBeforeAppendThread(this.view(), writes);
    const replies: Outgoing[] = [];
    if (early) {
      for (const write of writes) this.store.write(write);
      replies.push(...this.#finish(writes));
    }
    const held = messages.filter(waitsForAppendThread);
    if (writes.length > 0 || held.length > 0 || commitIsNews) {
      this.#appendWork.push({ writes: early ? [] : writes, messages: held });
    }
    if (commitIsNews) this.#applyWork.push(this.core.committedIndex);
    return [...messages.filter((message) => !waitsForAppendThread(message)), ...replies];
  }

  /** Tells the core that writes are durable; gives the messages that waited for that. */
  #finish(writes: readonly WriteEffect[]): Outgoing[] {
    const before = this.#messages;
    this.#messages = [];
    for (const { write } of writes) this.step({ type: "persisted", write });
    const replies = this.#messages.filter(leavesWithItsWrite);
    this.#messages = [
      ...before,
      ...this.#messages.filter((message) => !leavesWithItsWrite(message)),
    ];
    return replies;
  }

  /** How far one piece of work applies: everything committed, or what the option allows at once. */
  #nextApplyLimit(): number {
    const maxBytes = this.options.committedBytesPerReady;
    const committed = this.core.committedIndex;
    if (maxBytes === undefined) return committed;
    let limit = this.core.appliedIndex;
    let bytes = 0;
    for (const entry of this.#log) {
      if (entry.index <= this.core.appliedIndex || entry.index > committed) continue;
      bytes += entry.data.length;
      if (bytes > maxBytes && limit > this.core.appliedIndex) break;
      limit = entry.index;
    }
    return limit;
  }

  #applyWhatMay(): void {
    for (;;) {
      const entries = this.#apply;
      const last = entries?.at(-1);
      if (entries === undefined || last === undefined || last.index > this.#mayApplyTo) return;
      this.#apply = undefined;
      this.core.step({ type: "applied", index: last.index });
      for (const entry of entries) {
        const metadata = this.store.applied(entry, this.core.membership);
        this.core.step({ type: "snapshotSaved", metadata });
      }
      this.#gather(this.core.takeEffects());
      this.moments.push(this.observe());
    }
  }

  #gather(effects: readonly Effect[]): void {
    const inputs: Input[] = [];
    for (const effect of effects) {
      switch (effect.type) {
        case "persist":
        case "installSnapshot":
          this.#takeWrite(effect);
          break;
        case "send":
          this.#messages.push(...effect.messages);
          break;
        case "apply":
          assert(this.#apply === undefined, "two batches to apply at once");
          this.#apply = effect.entries;
          break;
        case "loadEntries": {
          const { request, from, to, maxBytes } = effect;
          const loaded = this.store.load(from, to, maxBytes);
          inputs.push({ type: "entriesLoaded", request, loaded });
          break;
        }
        case "loadSnapshotChunk": {
          const { request, index, offset, maxBytes } = effect;
          const chunk = this.store.loadChunk(index, offset, maxBytes);
          inputs.push({ type: "snapshotChunkLoaded", request, chunk });
          break;
        }
        case "failed":
          throw new Error(`replica ${this.id} stopped: ${effect.reason}`);
        default:
          this.answers.push(effect);
      }
    }
    for (const input of inputs) {
      this.core.step(input);
      this.#gather(this.core.takeEffects());
    }
  }

  #takeWrite(effect: WriteEffect): void {
    this.#writes.push(effect);
    if (effect.type === "installSnapshot") {
      this.#log = [];
      this.#baseIndex = effect.metadata.index;
      this.#apply = undefined;
      this.#mayApplyTo = Math.max(this.#mayApplyTo, effect.metadata.index);
      return;
    }
    const [first] = effect.entries;
    if (first === undefined) return;
    this.#log = [...this.#log.slice(0, first.index - this.#baseIndex - 1), ...effect.entries];
  }

  /** Role, leader, term and vote as one text: a change of it is something to hand over. */
  #position(): string {
    const { role, leader, term, vote } = this.view();
    return `${role} ${leader} ${term} ${vote}`;
  }
}
