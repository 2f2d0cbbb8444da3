/**
 * When the leader's log ended where, for a while back: turns entries of lag into milliseconds.
 *
 * Samples the end of the log; asked for an index, it says how long ago the log grew past it. Owned
 * by the composition root, read when somebody asks for the status.
 */
const SAMPLE_EVERY_MS = 50;
/** A minute of samples. */
const SAMPLES_MAX = 1_200;

interface Sample {
  readonly index: number;
  readonly atMs: number;
}

export class LagClock {
  readonly #samples: Sample[] = [];

  /** Called at each tick. */
  sample(lastIndex: number, nowMs: number): void {
    const newest = this.#samples.at(-1);
    if (newest !== undefined && lastIndex < newest.index) this.#samples.length = 0;
    if (newest !== undefined && nowMs - newest.atMs < SAMPLE_EVERY_MS) return;
    this.#samples.push({ index: lastIndex, atMs: nowMs });
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
  }

  /**
   * How long ago the log ended at `matchIndex`: 0 at its end, undefined when that is longer ago
   * than a minute.
   */
  lagMs(matchIndex: number, lastIndex: number, nowMs: number): number | undefined {
    if (matchIndex >= lastIndex) return 0;
    const oldest = this.#samples[0];
    if (oldest === undefined || matchIndex < oldest.index) return undefined;
    const passed = this.#samples.find(({ index }) => index > matchIndex);
    return passed === undefined ? 0 : Math.max(0, nowMs - passed.atMs);
  }
}
