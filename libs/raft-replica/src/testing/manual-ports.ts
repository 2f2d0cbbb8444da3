/**
 * Ports of a replica in which nothing completes by itself, for the driver's own tests.
 *
 * Three replicas share one queue of things to do: completions and messages. A test runs all of it,
 * or holds back what it wants to look at. Nothing here is a store to rely on: restarts are the
 * simulator's.
 */
import { Prng } from "@atoll/stdx";
import type { Entry, Message, ReplicaId, SnapshotMetadata } from "raft-ts";
import { membershipOf } from "raft-ts";
import type {
  Done,
  EntryRange,
  LeadershipChange,
  LogStore,
  LogWrite,
  RecoveredLog,
  StateMachine,
  StateRestore,
} from "../ports.ts";
import { Replica } from "../replica.ts";
import type { ReplicaSettings } from "../settings.ts";

const RUNS_MAX = 100_000;

/** Keeps entries and one snapshot; completes what it is asked when the test says so. */
export class ManualStore implements LogStore {
  entries: Entry[] = [];
  firstIndex = 1;
  snapshot: SnapshotMetadata | undefined;
  /** The newest one that came from a leader. */
  installed: SnapshotMetadata | undefined;
  content: readonly Uint8Array[] = [];
  writes = 0;
  /** Compactions asked for, by their last index. */
  readonly compactions: number[] = [];
  /** Answers to reads of the snapshot that the test holds back. */
  heldReads: (() => void)[] | undefined;
  /** Completions of installed snapshots that the test holds back. */
  heldInstalls: (() => void)[] | undefined;
  /** The error that every write gets from now on. */
  failure: Error | undefined;
  readonly #later: (run: () => void) => void;

  constructor(later: (run: () => void) => void) {
    this.#later = later;
  }

  write(write: LogWrite, done: Done): void {
    this.writes += 1;
    for (const entry of write.entries ?? []) {
      this.entries.length = entry.index - this.firstIndex;
      this.entries.push(entry);
    }
    this.#later(() => done(this.failure));
  }

  readEntries(
    range: { readonly from: number; readonly to: number; readonly maxBytes: number },
    done: (error: Error | undefined, range: EntryRange | undefined) => void,
  ): void {
    const { from, to } = range;
    const entries = this.entries.slice(from - this.firstIndex, to - this.firstIndex);
    const term = this.entries[from - this.firstIndex - 1]?.term ?? 0;
    this.#later(() => {
      if (from < this.firstIndex) {
        done(Object.assign(new Error("compacted"), { code: "COMPACTED" }), undefined);
      } else {
        done(undefined, { previous: { index: from - 1, term }, entries });
      }
    });
  }

  saveSnapshot(metadata: SnapshotMetadata, chunks: readonly Uint8Array[], done: Done): void {
    this.snapshot = metadata;
    this.content = chunks;
    this.#later(() => done(this.failure));
  }

  installSnapshot(
    metadata: SnapshotMetadata,
    chunks: readonly Uint8Array[],
    _hardState: unknown,
    done: Done,
  ): void {
    this.entries = [];
    this.firstIndex = metadata.index + 1;
    this.installed = metadata;
    const held = this.heldInstalls;
    this.saveSnapshot(metadata, chunks, (error) => {
      if (held === undefined) done(error);
      else held.push(() => done(error));
    });
  }

  readSnapshot(
    range: { readonly index: number; readonly offset: number; readonly maxBytes: number },
    done: (error: Error | undefined, chunk: Uint8Array | undefined) => void,
  ): void {
    const whole = Uint8Array.from(this.content.flatMap((chunk) => [...chunk]));
    const answer = (): void =>
      done(undefined, whole.subarray(range.offset, range.offset + range.maxBytes));
    if (this.heldReads === undefined) this.#later(answer);
    else this.heldReads.push(answer);
  }

  compact(through: number, done: Done): void {
    this.compactions.push(through);
    this.entries = this.entries.slice(Math.max(0, through + 1 - this.firstIndex));
    this.firstIndex = Math.max(this.firstIndex, through + 1);
    this.#later(() => done(undefined));
  }
}

/** Notes what it applies; its snapshot is the count. */
export class NotingStateMachine implements StateMachine {
  readonly applied: Entry[] = [];
  batches = 0;
  restored: SnapshotMetadata | undefined;

  apply(entries: readonly Entry[]): void {
    this.batches += 1;
    this.applied.push(...entries);
  }

  /** Chunks of a snapshot, and how many were asked for so far. */
  snapshotChunks = 2;
  chunksGiven = 0;

  snapshot(): Iterable<Uint8Array> {
    return this.#walk(this.applied.length & 0xff);
  }

  *#walk(count: number): Generator<Uint8Array> {
    for (let chunk = 0; chunk < this.snapshotChunks; chunk += 1) {
      this.chunksGiven += 1;
      yield chunk === 0 ? new Uint8Array([count]) : new Uint8Array(5);
    }
  }

  /** The size of each piece that was taken. */
  readonly taken: number[] = [];

  restore(metadata: SnapshotMetadata): StateRestore {
    return {
      take: (chunk) => this.taken.push(chunk.length),
      finish: () => {
        this.restored = metadata;
      },
    };
  }
}

export interface ManualReplica {
  readonly replica: Replica;
  readonly store: ManualStore;
  readonly stateMachine: NotingStateMachine;
  readonly changes: LeadershipChange[];
  readonly failures: Error[];
}

export class ManualReplicas {
  readonly replicas: Map<ReplicaId, ManualReplica> = new Map();
  /** Messages from and to these are lost. */
  readonly cut: Set<ReplicaId> = new Set();
  #queue: (() => void)[] = [];

  constructor(
    voters: readonly ReplicaId[],
    settings: Partial<ReplicaSettings> = {},
    recovered: Partial<RecoveredLog> = {},
  ) {
    for (const id of voters) this.replicas.set(id, this.#open(id, voters, settings, recovered));
  }

  /** Puts up a replica that knows of no members but those in what it recovered. */
  join(
    id: ReplicaId,
    settings: Partial<ReplicaSettings> = {},
    recovered: Partial<RecoveredLog> = {},
  ): void {
    this.replicas.set(id, this.#open(id, [], settings, recovered));
  }

  /** A tick for each replica, and what follows from it. */
  tick(): void {
    for (const { replica } of this.replicas.values()) replica.tick();
    this.run();
  }

  of(id: ReplicaId): ManualReplica {
    return this.replicas.get(id) as ManualReplica;
  }

  /** Runs everything that is due, and what follows from it. */
  run(): void {
    for (let runs = 0; this.#queue.length > 0; runs += 1) {
      if (runs > RUNS_MAX) throw new Error("it never comes to rest");
      const due = this.#queue;
      this.#queue = [];
      for (const each of due) each();
    }
  }

  /** Gives the reads of snapshots that were held back. */
  releaseReads(): void {
    for (const { store } of this.replicas.values()) {
      const held = store.heldReads ?? [];
      store.heldReads = undefined;
      for (const answer of held) answer();
    }
    this.run();
  }

  /** Ticks `id` until it leads. */
  elect(id: ReplicaId): Replica {
    const { replica } = this.of(id);
    for (let tick = 0; tick < 100 && replica.status().role !== "leader"; tick += 1) {
      replica.tick();
      this.run();
    }
    return replica;
  }

  #open(
    id: ReplicaId,
    voters: readonly ReplicaId[],
    settings: Partial<ReplicaSettings>,
    recovered: Partial<RecoveredLog>,
  ): ManualReplica {
    const later = (run: () => void): void => void this.#queue.push(run);
    const store = new ManualStore(later);
    const stateMachine = new NotingStateMachine();
    const changes: LeadershipChange[] = [];
    const failures: Error[] = [];
    const membership = membershipOf(voters);
    if (recovered.snapshot !== undefined) {
      store.content = [new Uint8Array(recovered.snapshot.sizeBytes)];
      store.firstIndex = recovered.firstIndex ?? 1;
      store.heldReads = [];
    }
    const replica = new Replica({
      id,
      recovered: {
        hardState: { term: 0, vote: 0, commit: 0 },
        snapshot: { index: 0, term: 0, membership, sizeBytes: 0, checksum: 0 },
        last: { index: 0, term: 0 },
        firstIndex: 1,
        tail: [],
        tailPrevious: { index: 0, term: 0 },
        ...recovered,
      },
      store,
      transport: { send: (messages) => this.#send(messages) },
      stateMachine,
      observer: {
        leadershipChanged: (change) => void changes.push(change),
        failed: (error) => void failures.push(error),
      },
      prng: new Prng(id),
      settings,
    });
    return { replica, store, stateMachine, changes, failures };
  }

  #send(messages: readonly Message[]): void {
    for (const message of messages) {
      this.#queue.push(() => {
        if (this.cut.has(message.from) || this.cut.has(message.to)) return;
        this.replicas.get(message.to)?.replica.receive([message]);
      });
    }
  }
}
