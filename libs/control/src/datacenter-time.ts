/**
 * What time it is in a datacenter, as one replica knows it: what leaders stamp entries with.
 *
 * It never stands still and never goes back, and it is as long as it says: it goes at the pace of
 * the own monotonic clock, and wall clocks may make that faster or slower by a tenth, no more. So
 * deadlines, backoffs and holds end on time while wall clocks leap. What wall clocks say is what
 * the middle one of a majority of the replicas says; none is believed alone. Every replica keeps
 * this time, so that the next leader goes on with it; one that was just started asks the others for
 * theirs, and only where none has one do wall clocks say what time it is. It reads no clock but the
 * given one and waits for nothing. Owned by a replica, fed by `ReplicaWatch`. ADR 0019.
 */
import type { Clock } from "@atoll/stdx";

/** What another replica said a moment ago, beside the own monotonic clock when that came. */
export interface ClockReading {
  readonly replica: number;
  /** How far its wall clock was ahead. */
  readonly wallAheadMs: number;
  /** How far its time of the datacenter was ahead; undefined while it does not know it. */
  readonly timeAheadMs: number | undefined;
}

/** For logs, metrics and status. Undefined while no majority of clocks is known. */
export interface ClockStanding {
  /** How far the own wall clock is ahead of what the replicas agree on. */
  readonly wallAheadMs: number | undefined;
  /** How far the time of the datacenter is ahead of that. */
  readonly timeAheadMs: number | undefined;
}

export interface DatacenterTimeOptions {
  readonly replica: number;
  /** The replicas of which a majority must be heard. */
  readonly voters: () => readonly number[];
  /** The newest stamp of the log. */
  readonly stampMs: () => number;
  readonly clock: Clock;
}

/** Wall clocks that agree draw the time nearer by this part of what passes. */
const DRAWN_PART = 10;
/** What the clocks agree on further ahead than this is believed at once: it would take a day. */
export const STEP_MS = 7_200_000;
/** So long a replica that was just started waits for one that knows the time. */
export const ASK_ALL_MS = 500;
/** A leader that knows no time waits for others to tell it for so long; then its own clock does. */
export const PATIENCE_MS = 2_000;

export class DatacenterTime {
  readonly #options: DatacenterTimeOptions;
  /** The time at `#atMs` of the monotonic clock. */
  #timeMs = 0;
  #atMs: number;
  /** What the wall clocks agree on, ahead of the monotonic clock. */
  #agreedAheadMs: number | undefined;
  #known = false;
  #heardAtMs: number | undefined;
  #wantedAtMs: number | undefined;
  #believedAlone = 0;
  #begun = 0;

  constructor(options: DatacenterTimeOptions) {
    this.#options = options;
    this.#atMs = options.clock.monotonicMs();
  }

  /** False in a process that has just started, until it is told or has waited long enough. */
  get known(): boolean {
    return this.#known;
  }

  /** How often the own wall clock alone had to say what time it is. */
  get believedAlone(): number {
    return this.#believedAlone;
  }

  /** How often wall clocks said what time it is, as none was heard that knew it. */
  get begun(): number {
    return this.#begun;
  }

  /** The time now, in whole milliseconds; no less than the newest stamp. */
  now(): number {
    this.#passOn(this.#options.clock.monotonicMs());
    return Math.floor(this.#timeMs);
  }

  /** A leader may stamp entries. Asked at each of its turns, by no one else. */
  ready(): boolean {
    if (this.#known) return true;
    const nowMs = this.#options.clock.monotonicMs();
    this.#wantedAtMs ??= nowMs;
    if (nowMs - this.#wantedAtMs < PATIENCE_MS) return false;
    this.#begun += 1;
    this.#believedAlone += 1;
    this.#begin(this.#options.clock.realtimeMs() - nowMs);
    return true;
  }

  /** What the others say of their clocks, as far as it is fresh. Called at each tick. */
  observe(readings: readonly ClockReading[]): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#passOn(nowMs);
    this.#agreedAheadMs = this.#agreed(readings, nowMs);
    if (!this.#known) {
      this.#learn(readings, nowMs);
    } else if (this.#agreedAheadMs !== undefined) {
      const agreedMs = this.#agreedAheadMs + nowMs;
      if (agreedMs - this.#timeMs > STEP_MS) this.#timeMs = agreedMs;
    }
  }

  /** What the others are told. Zero stands for what is not known. */
  get reading(): { readonly realtimeMs: number; readonly timeMs: number } {
    const timeMs = this.#known ? this.now() : 0;
    return { realtimeMs: Math.max(0, Math.floor(this.#options.clock.realtimeMs())), timeMs };
  }

  get standing(): ClockStanding {
    const { clock } = this.#options;
    const timeMs = this.now();
    if (this.#agreedAheadMs === undefined) {
      return { wallAheadMs: undefined, timeAheadMs: undefined };
    }
    const agreedMs = this.#agreedAheadMs + clock.monotonicMs();
    return {
      wallAheadMs: Math.round(clock.realtimeMs() - agreedMs),
      timeAheadMs: Math.round(timeMs - agreedMs),
    };
  }

  #passOn(nowMs: number): void {
    const passedMs = nowMs - this.#atMs;
    this.#atMs = nowMs;
    this.#timeMs += passedMs;
    if (this.#agreedAheadMs !== undefined) {
      const most = passedMs / DRAWN_PART;
      this.#timeMs += within(this.#agreedAheadMs + nowMs - this.#timeMs, -most, most);
    }
    this.#timeMs = Math.max(this.#timeMs, this.#options.stampMs());
  }

  /** From one who knows it; from the clocks when all are heard, or a majority for a while. */
  #learn(readings: readonly ClockReading[], nowMs: number): void {
    const told = middle(readings.flatMap(({ timeAheadMs }) => timeAheadMs ?? []));
    if (told !== undefined) this.#begin(told.low);
    else if (this.#agreedAheadMs !== undefined) {
      this.#heardAtMs ??= nowMs;
      const isWhole = readings.length + 1 >= this.#options.voters().length;
      if (!isWhole && nowMs - this.#heardAtMs < ASK_ALL_MS) return;
      this.#begun += 1;
      this.#begin(this.#agreedAheadMs);
    }
  }

  #begin(aheadMs: number): void {
    this.#known = true;
    this.#timeMs = Math.max(this.#timeMs, aheadMs + this.#atMs);
  }

  /**
   * The middle of the voters' clocks. Where there are two in the middle, the time itself says which
   * is nearer, and in between nothing is wrong with it.
   */
  #agreed(readings: readonly ClockReading[], nowMs: number): number | undefined {
    const { replica, voters, clock } = this.#options;
    const voting = voters();
    const own = { replica, wallAheadMs: clock.realtimeMs() - nowMs };
    const clocks = [own, ...readings].filter((each) => voting.includes(each.replica));
    if (clocks.length * 2 <= voting.length) return undefined;
    const found = middle(clocks.map(({ wallAheadMs }) => wallAheadMs));
    return found && within(this.#timeMs - nowMs, found.low, found.high);
  }
}

function middle(
  values: readonly number[],
): { readonly low: number; readonly high: number } | undefined {
  const sorted = values.toSorted((left, right) => left - right);
  const low = sorted[(sorted.length - 1) >> 1];
  const high = sorted[sorted.length >> 1];
  return low === undefined || high === undefined ? undefined : { low, high };
}

function within(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
