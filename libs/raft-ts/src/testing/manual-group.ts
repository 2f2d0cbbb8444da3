/**
 * A group of cores in which nothing happens by itself: a test says what is delivered, written and
 * lost.
 *
 * Each member has a store in memory; writes are durable when the test says so. Everything a core
 * does is noted as a line. Used by the tests that walk the paper, and by transcripts.
 */
import { assert, crc32c, Prng } from "@atoll/stdx";
import { type ConformanceWays, OWN_WAYS, withWays } from "../conformance-ways.ts";
import { RaftCore } from "../core.ts";
import type { Effect } from "../effect.ts";
import type { Entry, HardState, Membership, ReplicaId, SnapshotMetadata } from "../entry.ts";
import type { Input } from "../input.ts";
import { membershipOf } from "../membership.ts";
import type { Message } from "../message.ts";
import type { Standing } from "../recovering-state.ts";
import type { RaftSettings } from "../settings.ts";
import { describeEffect, describeMessage } from "./describe.ts";

/** What a member finds on its disk when the group begins. */
export interface InitialLog {
  readonly hardState?: HardState;
  /** The terms of entries 1, 2, 3 … */
  readonly terms?: readonly number[];
}

type WriteEffect = Extract<Effect, { readonly write: number }>;

interface ManualMember {
  core: RaftCore;
  hardState: HardState;
  snapshot: SnapshotMetadata;
  content: Uint8Array;
  /** Durable entries after `firstIndex - 1`. */
  entries: Entry[];
  firstIndex: number;
  firstTermBefore: number;
  writes: WriteEffect[];
  applied: Entry[];
  answers: Effect[];
  lives: number;
  standing: Standing;
}

const ROUNDS_MAX = 1_000;

export class ManualGroup {
  readonly lines: string[] = [];
  inFlight: Message[] = [];
  /** What is sent between two for whom this is false is lost. */
  linked: (from: ReplicaId, to: ReplicaId) => boolean = () => true;
  readonly #members = new Map<ReplicaId, ManualMember>();
  readonly #settings: Partial<RaftSettings>;
  readonly #ways: ConformanceWays;

  constructor(
    voters: readonly ReplicaId[],
    options: {
      readonly settings?: Partial<RaftSettings>;
      readonly ways?: Partial<ConformanceWays>;
      readonly logs?: ReadonlyMap<ReplicaId, InitialLog>;
    } = {},
  ) {
    this.#settings = options.settings ?? {};
    this.#ways = { ...OWN_WAYS, ...options.ways };
    const membership = membershipOf(voters);
    for (const id of voters) this.#found(id, membership, options.logs?.get(id) ?? {});
  }

  core(id: ReplicaId): RaftCore {
    return this.#member(id).core;
  }

  /** Entries that were applied at `id` in this life. */
  applied(id: ReplicaId): readonly Entry[] {
    return this.#member(id).applied;
  }

  /** Outcomes of proposals and reads at `id`. */
  answers(id: ReplicaId): readonly Effect[] {
    return this.#member(id).answers;
  }

  /** The hard state that is durable at `id`. */
  hardState(id: ReplicaId): HardState {
    return this.#member(id).hardState;
  }

  /** The index of the newest snapshot that is durable at `id`. */
  snapshotIndex(id: ReplicaId): number {
    return this.#member(id).snapshot.index;
  }

  /** The bytes of the newest snapshot that is durable at `id`. */
  content(id: ReplicaId): Uint8Array {
    return this.#member(id).content;
  }

  /** Durable entries at `id`. */
  durable(id: ReplicaId): readonly Entry[] {
    return this.#member(id).entries;
  }

  /** Gives one input and lets the core settle. */
  step(id: ReplicaId, input: Input): void {
    this.#member(id).core.step(input);
    this.#pump(id);
  }

  tick(id: ReplicaId, count = 1): void {
    for (let at = 0; at < count; at += 1) this.step(id, { type: "tick" });
  }

  /** Ticks until it campaigns. */
  timeout(id: ReplicaId): void {
    for (let at = 0; at < ROUNDS_MAX; at += 1) {
      const { role, term } = this.core(id).view();
      this.tick(id);
      const after = this.core(id).view();
      if (after.role !== role || after.term !== term) return;
    }
    assert(false, `${id} never campaigns`);
  }

  /** Delivers the messages under way for which `filter` holds; what they cause stays under way. */
  deliver(filter: (message: Message) => boolean = () => true): number {
    const due = this.inFlight.filter(filter);
    this.inFlight = this.inFlight.filter((message) => !due.includes(message));
    for (const message of due) this.step(message.to, { type: "message", message });
    return due.length;
  }

  drop(filter: (message: Message) => boolean): number {
    const before = this.inFlight.length;
    this.inFlight = this.inFlight.filter((message) => !filter(message));
    return before - this.inFlight.length;
  }

  /** Makes the writes of `id` durable that are under way now, or the first `count` of them. */
  persist(id: ReplicaId, count: number = Number.MAX_SAFE_INTEGER): number {
    const member = this.#member(id);
    const due = member.writes.splice(0, count);
    for (const write of due) {
      this.#store(member, write);
      this.step(id, { type: "persisted", write: write.write });
    }
    return due.length;
  }

  /** Writes and delivers until nothing is under way, but to and from those in `cut`. */
  settle(cut: readonly ReplicaId[] = []): void {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      let happened = 0;
      for (const id of this.#members.keys()) if (!cut.includes(id)) happened += this.persist(id);
      happened += this.deliver(({ from, to }) => !cut.includes(from) && !cut.includes(to));
      if (happened === 0) return;
    }
    assert(false, "the group never settles");
  }

  /** Time passes alike for everybody in `ids`, and everything that is sent arrives at once. */
  pass(ids: readonly ReplicaId[], ticks: number): void {
    for (let at = 0; at < ticks; at += 1) {
      for (const id of ids) this.tick(id);
      this.settle();
    }
  }

  /** Elects `id`: its timeout comes and everything is delivered. */
  elect(id: ReplicaId, cut: readonly ReplicaId[] = []): void {
    // The others have not heard a leader for an election timeout either.
    for (const other of this.#members.keys()) {
      if (other !== id && !cut.includes(other)) this.#age(other);
    }
    this.timeout(id);
    this.settle(cut);
    assert(this.core(id).view().role === "leader", `${id} was not elected`);
  }

  /** Puts up a replica that knows of no members yet. */
  join(id: ReplicaId): void {
    this.#found(id, membershipOf([]), {});
  }

  /** Loses memory and what is not durable, and begins again. */
  restart(id: ReplicaId): void {
    const member = this.#member(id);
    member.lives += 1;
    member.writes = [];
    member.applied = [];
    member.answers = [];
    member.core = this.#open(id, member, member.lives);
    this.inFlight = this.inFlight.filter(({ from, to }) => from !== id && to !== id);
    this.lines.push(`${id} restarts`);
    this.#pump(id);
  }

  /** Loses everything, its disk included, and begins again as a store would let it. */
  wipe(id: ReplicaId, standing: Standing, founding: readonly ReplicaId[]): void {
    const { lives } = this.#member(id);
    this.inFlight = this.inFlight.filter(({ to }) => to !== id);
    this.#found(id, membershipOf(founding), {}, { standing });
    this.#member(id).lives = lives + 1;
    this.restart(id);
  }

  /** Saves a snapshot of `sizeBytes` at what is applied, and forgets the log up to it. */
  snapshot(id: ReplicaId, sizeBytes: number): void {
    const member = this.#member(id);
    const { appliedIndex: index, membership } = member.core.view();
    const term = member.core.termAt(index) ?? 0;
    member.content = new Uint8Array(sizeBytes).fill(index & 0xff);
    const checksum = crc32c(member.content);
    member.snapshot = { index, term, membership, sizeBytes, checksum };
    const kept = member.entries.filter((entry) => entry.index > index);
    member.entries = kept;
    member.firstIndex = index + 1;
    member.firstTermBefore = term;
    this.step(id, { type: "snapshotSaved", metadata: member.snapshot });
    this.step(id, { type: "compacted", firstIndex: index + 1 });
  }

  #found(
    id: ReplicaId,
    membership: Membership,
    initial: InitialLog,
    options: { readonly standing: Standing } = { standing: "whole" },
  ): void {
    const terms = initial.terms ?? [];
    const hardState = initial.hardState ?? { term: terms.at(-1) ?? 0, vote: 0, commit: 0 };
    const entries = terms.map((term, at): Entry => {
      return { index: at + 1, term, type: "data", data: new Uint8Array([term]) };
    });
    const snapshot = { index: 0, term: 0, membership, sizeBytes: 0, checksum: 0 };
    const state = {
      hardState,
      snapshot,
      content: new Uint8Array(0),
      entries,
      firstIndex: 1,
      firstTermBefore: 0,
      writes: [],
      applied: [],
      answers: [],
      lives: 1,
      standing: options.standing,
    };
    this.#members.set(id, { ...state, core: this.#open(id, state, 1) });
    this.#pump(id);
  }

  #open(id: ReplicaId, member: Omit<ManualMember, "core">, life: number): RaftCore {
    const { hardState, snapshot, entries, firstIndex, firstTermBefore, standing } = member;
    const tailPrevious = { index: firstIndex - 1, term: firstTermBefore };
    const options = {
      id,
      recovered: { hardState, snapshot, firstIndex, tailPrevious, tail: [...entries], standing },
      prng: new Prng(id * 1000 + life),
      settings: this.#settings,
    };
    return new RaftCore(withWays(options, this.#ways));
  }

  #member(id: ReplicaId): ManualMember {
    const member = this.#members.get(id);
    assert(member !== undefined, `no member ${id}`);
    return member;
  }

  /** Lets a follower forget its leader by heartbeats that never come, short of campaigning. */
  #age(id: ReplicaId): void {
    const { electionTimeoutTicksMin = 15 } = this.#settings;
    for (let at = 0; at < electionTimeoutTicksMin - 1; at += 1) {
      if (this.core(id).view().role === "leader") return;
      this.tick(id);
    }
  }

  #pump(id: ReplicaId): void {
    const member = this.#member(id);
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const effects = member.core.takeEffects();
      if (effects.length === 0) return;
      for (const effect of effects) this.#execute(id, member, effect);
    }
    assert(false, `${id} never comes to rest`);
  }

  #execute(id: ReplicaId, member: ManualMember, effect: Effect): void {
    const line = describeEffect(effect);
    if (line !== "") this.lines.push(`${id} ${line}`);
    switch (effect.type) {
      case "persist":
      case "installSnapshot":
        member.writes.push(effect);
        break;
      case "send":
        for (const message of effect.messages) this.lines.push(describeMessage(message));
        this.inFlight.push(...effect.messages.filter(({ from, to }) => this.linked(from, to)));
        break;
      case "loadEntries":
        this.#load(member, effect);
        break;
      case "loadSnapshotChunk": {
        const { request, index, offset, maxBytes } = effect;
        const found = member.snapshot.index === index;
        const chunk = found ? member.content.subarray(offset, offset + maxBytes) : undefined;
        member.core.step({ type: "snapshotChunkLoaded", request, chunk });
        break;
      }
      case "apply":
        member.applied.push(...effect.entries);
        member.core.step({ type: "applied", index: (effect.entries.at(-1) as Entry).index });
        break;
      case "leadership":
      case "failed":
        break;
      default:
        member.answers.push(effect);
    }
  }

  #load(member: ManualMember, effect: Extract<Effect, { readonly type: "loadEntries" }>): void {
    const { request, from, to } = effect;
    const { firstIndex, firstTermBefore, entries } = member;
    if (from < firstIndex) {
      member.core.step({ type: "entriesLoaded", request, loaded: undefined });
      return;
    }
    const term =
      from === firstIndex ? firstTermBefore : (entries[from - firstIndex - 1]?.term ?? 0);
    const loaded = {
      previous: { index: from - 1, term },
      entries: entries.slice(from - firstIndex, to - firstIndex),
    };
    member.core.step({ type: "entriesLoaded", request, loaded });
  }

  #store(member: ManualMember, write: WriteEffect): void {
    member.hardState = write.hardState;
    if (write.type === "persist") member.standing = write.standing ?? member.standing;
    if (write.type === "installSnapshot") {
      member.snapshot = write.metadata;
      member.content = Uint8Array.from(write.chunks.flatMap((chunk) => [...chunk]));
      member.entries = [];
      member.firstIndex = write.metadata.index + 1;
      member.firstTermBefore = write.metadata.term;
      return;
    }
    const first = write.entries[0];
    if (first === undefined) return;
    member.entries = [
      ...member.entries.slice(0, first.index - member.firstIndex),
      ...write.entries,
    ];
  }
}
