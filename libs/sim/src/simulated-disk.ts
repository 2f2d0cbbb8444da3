/**
 * A disk that forgets what was not synced.
 *
 * Generic over the parts a write consists of. Writes become durable in order, each after a delay;
 * the owner is told (`commit`) and may then rely on it. At a crash some first part of what was not
 * synced survives, cut anywhere, also in the middle of a write: a torn write. The owner must notice
 * that by the count of parts, as real stores do by checksum. Used by every simulation.
 */
import type { Prng } from "@atoll/stdx";
import type { VirtualClock } from "./virtual-clock.ts";

/** How slow the disk is and how it fails; probabilities per thousand, times in microseconds. */
export interface DiskSettings {
  readonly syncUsMin: number;
  readonly syncUsMax: number;
  /** Syncs that take up to `stallUsMax` instead. */
  readonly stallPerMille: number;
  readonly stallUsMax: number;
  /** Syncs that fail; every later write fails too. What was written may be there or not. */
  readonly failPerMille: number;
  /** Syncs that never end, until the disk is set right or the process ends. */
  readonly stuckPerMille: number;
  /** Reads that fail. */
  readonly readFailPerMille: number;
  /** No space is left: writes fail, and nothing of them is there. */
  readonly full: boolean;
}

export const CALM_DISK: DiskSettings = {
  syncUsMin: 100,
  syncUsMax: 600,
  stallPerMille: 0,
  stallUsMax: 0,
  failPerMille: 0,
  stuckPerMille: 0,
  readFailPerMille: 0,
  full: false,
};

const SLOW_SYNC_US = 10_000;

/** A write found after a crash; torn when some of its parts are missing. */
export interface SurvivingWrite<Part> {
  readonly parts: readonly Part[];
  readonly torn: boolean;
}

interface PendingWrite<Part> {
  readonly parts: readonly Part[];
  readonly done: (error: Error | undefined) => void;
}

/** Why a disk fails its owner: a sync, a write for which there is no space, or a read. */
export type DiskFailure = "DISK_FAILED" | "NO_SPACE" | "READ_FAILED";

export class DiskFailedError extends Error {
  override name = "DiskFailedError";
  readonly code: DiskFailure;
  readonly retryable = false;

  constructor(message: string, code: DiskFailure) {
    super(message);
    this.code = code;
  }
}

export class SimulatedDisk<Part> {
  #settings: DiskSettings = CALM_DISK;
  readonly #clock: VirtualClock;
  readonly #prng: Prng;
  readonly #commit: (parts: readonly Part[]) => void;
  #pending: PendingWrite<Part>[] = [];
  #syncing = false;
  #failure: DiskFailedError | undefined;
  /** Writes whose sync failed; a crash may leave them. */
  #undecided: PendingWrite<Part>[] = [];
  /** Ends the sync that is stuck. */
  #unstick: (() => void) | undefined;
  /** Raised by a crash: what was under way completes for nobody. */
  #generation = 0;
  /** Syncs that took {@link SLOW_SYNC_US} or longer. */
  slowSyncs = 0;
  /** Completions wait while the process that owns the disk is stopped. */
  #held: (() => void)[] | undefined;

  constructor(options: {
    readonly clock: VirtualClock;
    readonly prng: Prng;
    /** Called in order when a write is durable, before its own `done`. */
    readonly commit: (parts: readonly Part[]) => void;
  }) {
    this.#clock = options.clock;
    this.#prng = options.prng;
    this.#commit = options.commit;
  }

  get settings(): DiskSettings {
    return this.#settings;
  }

  /** A disk that is set right ends the sync that was stuck. */
  set settings(settings: DiskSettings) {
    this.#settings = settings;
    if (settings.stuckPerMille > 0) return;
    const unstick = this.#unstick;
    this.#unstick = undefined;
    if (unstick !== undefined) this.#clock.schedule(settings.syncUsMin, unstick);
  }

  /** Whether a sync is under way that never ends by itself. */
  get isStuck(): boolean {
    return this.#unstick !== undefined;
  }

  /** Starts a write; `done` is called when it is durable, or with the error that ended the disk. */
  write(parts: readonly Part[], done: (error: Error | undefined) => void): void {
    this.#pending.push({ parts, done });
    this.#syncNext();
  }

  /** Runs `done` after a read's delay, unless the disk crashes before. */
  read(done: (failure: DiskFailedError | undefined) => void): void {
    const generation = this.#generation;
    const most = Math.max(200, this.settings.syncUsMax);
    this.#clock.schedule(this.#prng.between(20, most), () => {
      if (generation !== this.#generation) return;
      const fails = this.#prng.chance(this.settings.readFailPerMille, 1000);
      const failure = fails ? new DiskFailedError("a read failed", "READ_FAILED") : undefined;
      this.#complete(() => done(failure));
    });
  }

  /** The owning process stands still: it is told of nothing. */
  hold(): void {
    this.#held ??= [];
  }

  /** It runs again and learns what happened. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const complete of held) complete();
  }

  /** Power is lost. Gives what of the writes under way is found afterwards, in order. */
  crash(): SurvivingWrite<Part>[] {
    const begun = [...this.#undecided, ...(this.#failure === undefined ? this.#pending : [])];
    const partCount = begun.reduce((sum, write) => sum + write.parts.length, 0);
    let left = this.#prng.below(partCount + 1);
    const survivors: SurvivingWrite<Part>[] = [];
    for (const { parts } of begun) {
      if (left === 0) break;
      const kept = parts.slice(0, left);
      survivors.push({ parts: kept, torn: kept.length < parts.length });
      left -= kept.length;
    }
    this.#pending = [];
    this.#undecided = [];
    this.#syncing = false;
    this.#failure = undefined;
    this.#unstick = undefined;
    this.#held = undefined;
    this.#generation += 1;
    return survivors;
  }

  #syncNext(): void {
    const write = this.#pending[0];
    if (write === undefined || this.#syncing) return;
    this.#syncing = true;
    const { settings } = this;
    const stalls = this.#prng.chance(settings.stallPerMille, 1000);
    const most = stalls ? settings.stallUsMax : settings.syncUsMax;
    const delayUs = this.#prng.between(settings.syncUsMin, Math.max(most, settings.syncUsMin));
    if (delayUs >= SLOW_SYNC_US) this.slowSyncs += 1;
    const generation = this.#generation;
    const finish = (): void => {
      if (generation === this.#generation) this.#finishSync(write);
    };
    if (this.#prng.chance(settings.stuckPerMille, 1000)) this.#unstick = finish;
    else this.#clock.schedule(delayUs, finish);
  }

  #finishSync(write: PendingWrite<Part>): void {
    const { settings } = this;
    const generation = this.#generation;
    this.#syncing = false;
    this.#pending.shift();
    if (this.#failure === undefined && settings.full) {
      this.#failure = new DiskFailedError("no space is left", "NO_SPACE");
    } else if (this.#failure === undefined && this.#prng.chance(settings.failPerMille, 1000)) {
      this.#failure = new DiskFailedError("a sync failed", "DISK_FAILED");
      this.#undecided.push(write);
    }
    if (this.#failure === undefined) this.#commit(write.parts);
    const error = this.#failure;
    this.#complete(() => write.done(error));
    // The owner may have crashed in answer; then this disk starts anew.
    if (generation === this.#generation) this.#syncNext();
  }

  #complete(complete: () => void): void {
    if (this.#held === undefined) complete();
    else this.#held.push(complete);
  }
}
