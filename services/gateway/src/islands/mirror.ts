/**
 * The datacenter's state in this process, and how old it is.
 *
 * Applies what the feed brings, in order and each entry once; lets callers wait for an index; tells
 * listeners what changed, once per turn of the loop. It decides nothing and asks nobody. Fed by
 * `FeedFollower`, read by every handler.
 */
import type { AppliedListener } from "@atoll/control";
import { type LogCodec, ReplicatedState } from "@atoll/control";
import type { Datacenter } from "@atoll/domain";
import type { Clock } from "@atoll/stdx";

/** A moment at which the mirror was certainly not behind. */
export interface Freshness {
  readonly monotonicMs: number;
  readonly realtimeMs: number;
}

interface Waiter {
  readonly index: number;
  /** The group whose log `index` is of. */
  readonly groupId: string;
  readonly deadlineMs: number;
  readonly done: (reached: boolean) => void;
}

const TICK_MS = 25;
/** A wait longer than this makes the follower try another replica. */
const LAGGING_MS = 500;

export class Mirror implements Disposable {
  readonly #state: ReplicatedState;
  readonly #clock: Clock;
  readonly #changeListeners = new Set<() => void>();
  readonly #restoreListeners: (() => void)[] = [];
  #waiters: Waiter[] = [];
  #timer: NodeJS.Timeout | undefined;
  #synced = false;
  #groupId = "";
  #changeAnnounced = false;
  #waitingSinceMs = Infinity;
  #freshness: Freshness | undefined;
  #lagListener: () => void = () => {};

  constructor(options: { readonly codec: LogCodec; readonly clock: Clock }) {
    this.#state = new ReplicatedState(options.codec);
    this.#clock = options.clock;
  }

  /** The present state. Another object after each restore. */
  get datacenter(): Datacenter {
    return this.#state.datacenter;
  }

  /** The same, for who feeds it: entries and whole states come in through this mirror alone. */
  get state(): ReplicatedState {
    return this.#state;
  }

  get appliedIndex(): number {
    return this.#state.appliedIndex;
  }

  /** False until the first state has arrived. */
  get synced(): boolean {
    return this.#synced;
  }

  /** The Raft group whose log this is; empty until the first state has arrived. */
  get groupId(): string {
    return this.#groupId;
  }

  /** When it was last certainly up to date; undefined when it never was. */
  get freshness(): Freshness | undefined {
    return this.#freshness;
  }

  /** At `moment` the log ended at an index that is applied here. */
  confirm(moment: Freshness): void {
    if (this.#freshness === undefined || moment.monotonicMs > this.#freshness.monotonicMs) {
      this.#freshness = moment;
    }
  }

  apply(index: number, data: Uint8Array): void {
    this.#state.apply(index, data);
    this.#announce();
  }

  /** `groupId` is empty where the replica does not say whose log it is. */
  restore(index: number, chunks: readonly Uint8Array[], groupId: string): void {
    const restore = this.restoreInPieces(index, groupId);
    for (const chunk of chunks) restore.take(chunk);
    restore.finish();
  }

  /**
   * Begins to take a whole state in; the state is the present one until the last of it is there.
   */
  restoreInPieces(
    index: number,
    groupId: string,
  ): { take(chunk: Uint8Array): void; finish(): void } {
    const restore = this.#state.restoreInPieces(index);
    return {
      take: (chunk) => restore.take(chunk),
      finish: () => {
        restore.finish();
        this.#groupId = groupId;
        this.#synced = true;
        for (const listener of this.#restoreListeners) listener();
        this.#announce();
      },
    };
  }

  /** Told of each entry right after it was applied. */
  onApplied(listener: AppliedListener): void {
    this.#state.onApplied(listener);
  }

  /** Told when the whole state was replaced. */
  onRestored(listener: () => void): void {
    this.#restoreListeners.push(listener);
  }

  /** Told once per turn of the loop in which something was applied. Returns what ends it. */
  onChange(listener: () => void): () => void {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
  }

  /** Told when somebody has waited long for an index. */
  onLagging(listener: () => void): void {
    this.#lagListener = listener;
  }

  /**
   * Resolves with true once `index` of the group's log is applied, with false when `deadlineMs`
   * passes first. An index of a group that was lost means nothing in the log of the next.
   */
  reached(index: number, groupId: string, deadlineMs: number): Promise<boolean> {
    if (this.#synced && this.#includes({ index, groupId })) return Promise.resolve(true);
    return new Promise((done) => {
      if (this.#waiters.length === 0) this.#waitingSinceMs = this.#clock.monotonicMs();
      this.#waiters.push({ index, groupId, deadlineMs, done });
      this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
    });
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const waiter of this.#waiters) waiter.done(false);
    this.#waiters = [];
  }

  #includes({ index, groupId }: Pick<Waiter, "index" | "groupId">): boolean {
    return groupId === this.#groupId && index <= this.appliedIndex;
  }

  #announce(): void {
    if (this.#changeAnnounced) return;
    this.#changeAnnounced = true;
    setImmediate(() => {
      this.#changeAnnounced = false;
      this.#release();
      for (const listener of this.#changeListeners) listener();
    });
  }

  #release(): void {
    if (this.#waiters.length === 0) return;
    const waiting: Waiter[] = [];
    for (const waiter of this.#waiters) {
      if (this.#includes(waiter)) waiter.done(true);
      else waiting.push(waiter);
    }
    if (waiting.length < this.#waiters.length) this.#waitingSinceMs = this.#clock.monotonicMs();
    this.#waiters = waiting;
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#waiters = this.#waiters.filter((waiter) => {
      if (nowMs < waiter.deadlineMs) return true;
      waiter.done(false);
      return false;
    });
    if (this.#waiters.length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    } else if (nowMs - this.#waitingSinceMs >= LAGGING_MS) {
      this.#waitingSinceMs = nowMs;
      this.#lagListener();
    }
  }
}
