/**
 * How a read knows how old its answer is.
 *
 * Reads that begin in one turn of the loop share one round: a majority confirms how far the log is,
 * the mirror reaches that point, and the answer is exact. When nobody can confirm it in time, the
 * answer is what the mirror holds, marked stale, with its age. While rounds fail, further reads
 * wait only a moment. A round of its own every second keeps the age true.
 */
import type { AsOf } from "@atoll/proto/atoll/v1/common";
import { ApiError, type Log } from "@atoll/service-kit";
import type { Clock } from "@atoll/stdx";
import { status } from "@grpc/grpc-js";
import { durationOf, timestampOf } from "../api/time.ts";
import type { Caller } from "./caller.ts";
import type { Freshness, Mirror } from "./mirror.ts";

export const CONFIRM_MS_MAX = 2_000;
/** How long a read waits while earlier ones could not be confirmed. */
const CONFIRM_IN_DOUBT_MS = 250;
/** Reads whose patience differs by less share a round. */
const PATIENCE_STEP_MS = 50;
const BEAT_MS = 1_000;

/** Who feeds the mirror. */
export interface MirrorFeed {
  /** Forgets the state and takes it anew: the log is not the one that was followed. */
  startAnew(): void;
}

export interface Reads {
  /** Makes the mirror as fresh as can be within half of what is left until `deadlineMs`. */
  begin(deadlineMs: number): Promise<AsOf>;
}

export class ReadRounds implements Reads, Disposable {
  readonly #datacenter: string;
  readonly #caller: Caller;
  readonly #mirror: Mirror;
  readonly #feed: MirrorFeed;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #beat: NodeJS.Timeout;
  /** Rounds of this turn of the loop, by patience. */
  #rounds = new Map<number, Promise<boolean>>();
  #inDoubt = false;
  #beating = false;

  constructor(options: {
    readonly datacenter: string;
    readonly caller: Caller;
    readonly mirror: Mirror;
    readonly feed: MirrorFeed;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#datacenter = options.datacenter;
    this.#caller = options.caller;
    this.#mirror = options.mirror;
    this.#feed = options.feed;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#beat = setInterval(() => void this.#beatOnce(), BEAT_MS);
    void this.#beatOnce();
  }

  /** True while the last attempt to confirm how far the log is failed. */
  get inDoubt(): boolean {
    return this.#inDoubt;
  }

  async begin(deadlineMs: number): Promise<AsOf> {
    const left = deadlineMs - this.#clock.monotonicMs();
    const most = this.#inDoubt ? CONFIRM_IN_DOUBT_MS : CONFIRM_MS_MAX;
    const confirmed = await this.#round(Math.min(most, left / 2));
    if (!this.#mirror.synced) {
      throw new ApiError(
        status.UNAVAILABLE,
        `the gateway of datacenter ${this.#datacenter} has no state yet: ` +
          "no replica of its orchestrator answers",
        { reason: "NOT_SYNCED", metadata: { datacenter: this.#datacenter } },
      );
    }
    return confirmed ? this.exact() : this.stale();
  }

  /** For answers that are known to be up to date. */
  exact(): AsOf {
    return {
      datacenter: this.#datacenter,
      index: this.#mirror.appliedIndex,
      time: timestampOf(this.#clock.realtimeMs()),
      age: durationOf(0),
      stale: false,
    };
  }

  /** For answers from what is known, however old. */
  stale(): AsOf {
    const { freshness } = this.#mirror;
    const realtimeMs = freshness?.realtimeMs ?? this.#mirror.datacenter.stampMs;
    const ageMs =
      freshness === undefined
        ? Math.max(0, this.#clock.realtimeMs() - realtimeMs)
        : this.#clock.monotonicMs() - freshness.monotonicMs;
    return {
      datacenter: this.#datacenter,
      index: this.#mirror.appliedIndex,
      time: timestampOf(realtimeMs),
      age: durationOf(ageMs),
      stale: true,
    };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#beat);
  }

  #round(patienceMs: number): Promise<boolean> {
    const patience = Math.max(0, Math.floor(patienceMs / PATIENCE_STEP_MS)) * PATIENCE_STEP_MS;
    const joined = this.#rounds.get(patience);
    if (joined !== undefined) return joined;
    if (this.#rounds.size === 0) {
      setImmediate(() => {
        this.#rounds = new Map();
      });
    }
    const round = this.#confirm(patience);
    this.#rounds.set(patience, round);
    return round;
  }

  async #confirm(patienceMs: number): Promise<boolean> {
    const begun: Freshness = {
      monotonicMs: this.#clock.monotonicMs(),
      realtimeMs: this.#clock.realtimeMs(),
    };
    const appliedBefore = this.#mirror.appliedIndex;
    const deadlineMs = begun.monotonicMs + patienceMs;
    const outcome = await this.#caller.call({ $case: "readIndex", value: {} }, deadlineMs);
    if (outcome.type !== "ready") return this.#conclude(false, patienceMs);
    if (outcome.groupId === this.#mirror.groupId && outcome.index < appliedBefore) {
      this.#log.warn("the log is shorter than what was applied: taking its state anew", {
        confirmed: outcome.index,
        applied: appliedBefore,
      });
      this.#feed.startAnew();
      return this.#conclude(false, patienceMs);
    }
    const reached = await this.#mirror.reached(outcome.index, outcome.groupId, deadlineMs);
    if (reached) this.#mirror.confirm(begun);
    return this.#conclude(reached, patienceMs);
  }

  #conclude(confirmed: boolean, patienceMs: number): boolean {
    if (confirmed) this.#inDoubt = false;
    // A caller in a hurry says nothing about the replicas.
    else if (patienceMs >= CONFIRM_IN_DOUBT_MS) this.#inDoubt = true;
    return confirmed;
  }

  async #beatOnce(): Promise<void> {
    if (this.#beating) return;
    this.#beating = true;
    await this.#round(CONFIRM_MS_MAX);
    this.#beating = false;
  }
}
