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
  /** Syncs that fail; every later write fails too. */
  readonly failPerMille: number;
}

export const CALM_DISK: DiskSettings = {
  syncUsMin: 100,
  syncUsMax: 600,
  stallPerMille: 0,
  stallUsMax: 0,
  failPerMille: 0,
};

/** A write found after a crash; torn when some of its parts are missing. */
export interface SurvivingWrite<Part> {
  readonly parts: readonly Part[];
  readonly torn: boolean;
}

interface PendingWrite<Part> {
  readonly parts: readonly Part[];
  readonly done: (error: Error | undefined) => void;
}

/** A failed sync. */
export class DiskFailedError extends Error {
  override name = "DiskFailedError";
  readonly code = "DISK_FAILED";
  readonly retryable = false;
}

export class SimulatedDisk<Part> {
  settings: DiskSettings = CALM_DISK;
  readonly #clock: VirtualClock;
  readonly #prng: Prng;
  readonly #commit: (parts: readonly Part[]) => void;
  #pending: PendingWrite<Part>[] = [];
  #syncing = false;
  #failed = false;
  /** Raised by a crash: what was under way completes for nobody. */
  #generation = 0;
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

  /** Starts a write; `done` is called when it is durable, or with the error that ended the disk. */
  write(parts: readonly Part[], done: (error: Error | undefined) => void): void {
    this.#pending.push({ parts, done });
    this.#syncNext();
  }

  /** Runs `done` after a read's delay, unless the disk crashes before. */
  read(done: () => void): void {
    const generation = this.#generation;
    const most = Math.max(200, this.settings.syncUsMax);
    this.#clock.schedule(this.#prng.between(20, most), () => {
      if (generation === this.#generation) this.#complete(done);
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
    const partCount = this.#pending.reduce((sum, write) => sum + write.parts.length, 0);
    let left = this.#failed ? 0 : this.#prng.below(partCount + 1);
    const survivors: SurvivingWrite<Part>[] = [];
    for (const { parts } of this.#pending) {
      if (left === 0) break;
      const kept = parts.slice(0, left);
      survivors.push({ parts: kept, torn: kept.length < parts.length });
      left -= kept.length;
    }
    this.#pending = [];
    this.#syncing = false;
    this.#failed = false;
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
    const generation = this.#generation;
    this.#clock.schedule(delayUs, () => {
      if (generation !== this.#generation) return;
      this.#syncing = false;
      if (!this.#failed && this.#prng.chance(settings.failPerMille, 1000)) this.#failed = true;
      this.#pending.shift();
      if (!this.#failed) this.#commit(write.parts);
      const error = this.#failed ? new DiskFailedError("a sync failed") : undefined;
      this.#complete(() => write.done(error));
      // The owner may have crashed in answer; then this disk starts anew.
      if (generation === this.#generation) this.#syncNext();
    });
  }

  #complete(complete: () => void): void {
    if (this.#held === undefined) complete();
    else this.#held.push(complete);
  }
}
