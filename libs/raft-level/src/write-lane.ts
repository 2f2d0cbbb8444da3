/**
 * The order in which a store does its work, with group commit.
 *
 * One operation is under way at a time. Writes that wait are taken together, up to a bound; other
 * operations (a new state record) go alone, at their place in the order. Completions come in the
 * order of the starts. The first failure is final: it is given to everything that waits and
 * everything that comes. Starts at once when idle and has no timers (the window is the fsync
 * before). Used by `LevelLogStore` alone.
 */
import { assert, BoundedQueue, Bug } from "@atoll/stdx";
import type { Done, LogWrite } from "@atoll/raft-replica";
import { StorageFailedError } from "./errors.ts";

/**
 * Above this many bytes of entries a group takes no further write; a single larger write goes
 * alone.
 */
export const GROUP_BYTES_MAX: number = 1024 * 1024;
/** More waiting operations than Raft's own limits allow mean a disk that stands still. */
const WAITING_MAX = 65_536;

interface PendingWrite {
  readonly type: "write";
  readonly write: LogWrite;
  readonly bytes: number;
  readonly done: Done;
}

interface PendingExclusive {
  readonly type: "exclusive";
  readonly run: () => Promise<void>;
  readonly done: Done;
}

type Pending = PendingWrite | PendingExclusive;

interface WaitingRead {
  readonly after: number;
  readonly start: Done;
}

export interface WriteLaneOptions {
  /** Makes the writes durable as one. */
  readonly commit: (writes: readonly LogWrite[]) => Promise<void>;
  /** Whether an error concerns its operation only and leaves the store alive. */
  readonly harmless: (error: unknown) => boolean;
}

export class WriteLane {
  readonly #options: WriteLaneOptions;
  readonly #queue: BoundedQueue<Pending> = new BoundedQueue<Pending>(WAITING_MAX);
  #underWay: readonly Pending[] = [];
  #started = 0;
  #completed = 0;
  #reads: WaitingRead[] = [];
  #idleWaiters: (() => void)[] = [];
  #failure: Error | undefined;

  constructor(options: WriteLaneOptions) {
    this.#options = options;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  write(write: LogWrite, done: Done): void {
    let bytes = 0;
    for (const entry of write.entries ?? []) bytes += entry.data.length;
    this.#start({ type: "write", write, bytes, done });
  }

  exclusive(run: () => Promise<void>, done: Done): void {
    this.#start({ type: "exclusive", run, done });
  }

  /**
   * Calls `start` when everything started before has completed; with the failure if there is one.
   */
  whenCaughtUp(start: Done): void {
    if (this.#failure !== undefined || this.#completed === this.#started) {
      queueMicrotask(() => start(this.#failure));
      return;
    }
    this.#reads.push({ after: this.#started, start });
  }

  /** Resolves once nothing is under way or waiting. */
  idle(): Promise<void> {
    if (this.#underWay.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /**
   * Ends the lane. What is under way still runs to its end, and then fails too. The first call
   * counts.
   */
  fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    const waiting = this.#queue.drain();
    const reads = this.#reads;
    this.#reads = [];
    queueMicrotask(() => {
      for (const { done } of waiting) done(error);
      for (const { start } of reads) start(error);
    });
  }

  #start(pending: Pending): void {
    if (this.#failure === undefined && !this.#queue.push(pending)) {
      this.fail(new StorageFailedError(`the disk is ${WAITING_MAX} writes behind`));
    }
    if (this.#failure !== undefined) {
      queueMicrotask(() => pending.done(this.#failure));
      return;
    }
    this.#started += 1;
    this.#pump();
  }

  #pump(): void {
    if (this.#underWay.length > 0) return;
    const head = this.#queue.peek();
    if (head === undefined || this.#failure !== undefined) {
      for (const resolve of this.#idleWaiters.splice(0)) resolve();
      return;
    }
    const group = head.type === "write" ? this.#takeWrites() : this.#queue.drain(1);
    this.#underWay = group;
    const running =
      head.type === "write"
        ? this.#options.commit(group.map((pending) => (pending as PendingWrite).write))
        : head.run();
    running.then(
      () => this.#finished(group, undefined),
      (error: unknown) => this.#finished(group, error),
    );
  }

  #takeWrites(): readonly PendingWrite[] {
    const group: PendingWrite[] = [];
    let bytes = 0;
    for (;;) {
      const next = this.#queue.peek();
      if (next === undefined || next.type !== "write") return group;
      bytes += next.bytes;
      if (group.length > 0 && bytes > GROUP_BYTES_MAX) return group;
      this.#queue.shift();
      group.push(next);
    }
  }

  #finished(group: readonly Pending[], error: unknown): void {
    if (error instanceof Bug) throw error;
    assert(this.#underWay === group, "a group ended that was not under way");
    this.#underWay = [];
    this.#completed += group.length;
    const harmless = error !== undefined && this.#options.harmless(error);
    if (error !== undefined && !harmless) this.fail(toFailure(error));
    // The next fsync starts before the callbacks of this one run, so that the disk never waits for
    // them.
    this.#pump();
    const outcome = this.#failure ?? (error as Error | undefined);
    for (const { done } of group) done(outcome);
    this.#startReads();
  }

  #startReads(): void {
    while (this.#reads.length > 0 && (this.#reads[0] as WaitingRead).after <= this.#completed) {
      (this.#reads.shift() as WaitingRead).start(this.#failure);
    }
  }
}

/** The error that ends a store, whatever ended it. */
export function toFailure(error: unknown): Error {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (code === "LOG_DAMAGED" || code === "STORAGE_FAILED") return error as Error;
  const detail = error instanceof Error ? error.message : String(error);
  return new StorageFailedError(`the disk failed a write or read: ${detail}`, { cause: error });
}
