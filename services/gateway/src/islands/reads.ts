/**
 * How a read knows how old its answer is.
 *
 * An exact read is confirmed: a majority says how far the log is, and the mirror reaches that
 * point. Reads that begin in one turn of the loop share one such round. Of the gateway's own
 * datacenter, reads are exact if that can be had in a moment; when nobody can confirm it in time,
 * the answer is what the mirror holds, marked stale, with its age. While rounds fail, further reads
 * wait only a moment. Of another datacenter, reads are what the mirror holds, at once. Callers may
 * demand either of each. A round of its own every second keeps the age true.
 */
import type { AsOf } from "@atoll/proto/atoll/v1/common";
import { ApiError, type Log } from "@atoll/service-kit";
import type { Clock } from "@atoll/stdx";
import { status } from "@grpc/grpc-js";
import { durationOf, timestampOf } from "../api/time.ts";
import type { Caller } from "./caller.ts";
import { type Contact, contactOf, mirrorAgeMs } from "./contact.ts";
import type { Freshness, Mirror } from "./mirror.ts";
import type { ReadDemand } from "./read-demand.ts";

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

export class ReadRounds implements Disposable {
  readonly #datacenter: string;
  readonly #mirrorFirst: boolean;
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
    /** Answers from the mirror where the caller demands nothing else. */
    readonly mirrorFirst: boolean;
    readonly caller: Caller;
    readonly mirror: Mirror;
    readonly feed: MirrorFeed;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#datacenter = options.datacenter;
    this.#mirrorFirst = options.mirrorFirst;
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

  /**
   * Makes the mirror as fresh as is demanded, within half of what is left until the deadline.
   *
   * @throws ApiError when that cannot be had.
   */
  async begin(demand: ReadDemand): Promise<AsOf> {
    const { consistency } = demand;
    const atLeast = demand.atLeast.get(this.#datacenter) ?? 0;
    const fromMirror = consistency === "mirror" || (consistency === undefined && this.#mirrorFirst);
    const isBehind = atLeast > this.#mirror.appliedIndex;
    if (fromMirror && !isBehind) {
      this.#checkSynced();
      return this.known();
    }
    const left = demand.deadlineMs - this.#clock.monotonicMs();
    const hurries = this.#inDoubt && consistency === undefined && !isBehind;
    const most = hurries ? CONFIRM_IN_DOUBT_MS : CONFIRM_MS_MAX;
    const confirmed = await this.#round(Math.min(most, left / 2));
    this.#checkSynced();
    if (atLeast > this.#mirror.appliedIndex) throw this.#notReached(atLeast, confirmed);
    if (confirmed) return this.exact();
    if (consistency === "exact") throw this.#notConfirmed();
    return fromMirror ? this.known() : { ...this.known(), stale: true };
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

  /** For answers from what is known, however old; stale while nobody confirms anything newer. */
  known(): AsOf {
    const { freshness } = this.#mirror;
    return {
      datacenter: this.#datacenter,
      index: this.#mirror.appliedIndex,
      time: timestampOf(freshness?.realtimeMs ?? this.#mirror.datacenter.stampMs),
      // Not nothing: something may have happened since.
      age: durationOf(Math.max(1, mirrorAgeMs(this.#mirror, this.#clock))),
      stale: this.#inDoubt || freshness === undefined,
    };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#beat);
  }

  #checkSynced(): void {
    if (this.#mirror.synced) return;
    const datacenter = this.#datacenter;
    const message = this.#mirrorFirst
      ? `nothing is known here yet of datacenter ${datacenter}: ${this.#contact().text}`
      : `the gateway of datacenter ${datacenter} has no state yet: ` +
        "no replica of its orchestrator answers";
    throw new ApiError(status.UNAVAILABLE, message, {
      reason: "NOT_SYNCED",
      metadata: { datacenter },
    });
  }

  #notConfirmed(): ApiError {
    const { text, metadata } = this.#contact();
    return new ApiError(
      status.UNAVAILABLE,
      `datacenter ${this.#datacenter} cannot say now how far its log is, and an exact answer was ` +
        `demanded; ${text}`,
      { reason: "NOT_CONFIRMED", metadata: { datacenter: this.#datacenter, ...metadata } },
    );
  }

  #notReached(index: number, confirmed: boolean): ApiError {
    const applied = this.#mirror.appliedIndex;
    const datacenter = this.#datacenter;
    if (confirmed) {
      return new ApiError(
        status.OUT_OF_RANGE,
        `the log of datacenter ${datacenter} ends at ${applied}, and index ${index} was demanded`,
        { reason: "INDEX_BEYOND_END", metadata: { datacenter, last_index: String(applied) } },
      );
    }
    const { text, metadata } = this.#contact();
    return new ApiError(
      status.UNAVAILABLE,
      `index ${index} of datacenter ${datacenter} was demanded, and here its log is known up to ` +
        `${applied}; ${text}`,
      {
        reason: "INDEX_NOT_REACHED",
        metadata: { datacenter, last_index: String(applied), ...metadata },
      },
    );
  }

  #contact(): Contact {
    return contactOf({ caller: this.#caller, mirror: this.#mirror, clock: this.#clock });
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
