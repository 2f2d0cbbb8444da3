/**
 * Latencies in buckets of one percent: exact enough for a table, constant in memory.
 */
const STEP = 1.01;
const SMALLEST_MS = 0.01;

export class Histogram {
  readonly #counts = new Map<number, number>();
  #count = 0;
  #maxMs = 0;

  get count(): number {
    return this.#count;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  record(ms: number): void {
    const bucket = Math.max(
      0,
      Math.ceil(Math.log(Math.max(ms, SMALLEST_MS) / SMALLEST_MS) / Math.log(STEP)),
    );
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + 1);
    this.#count += 1;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  /** The upper end of the bucket that holds the given share of all, in milliseconds. */
  quantileMs(share: number): number {
    let left = share * this.#count;
    for (const [bucket, count] of [...this.#counts].toSorted((one, other) => one[0] - other[0])) {
      left -= count;
      if (left <= 0) return Math.min(SMALLEST_MS * STEP ** bucket, this.#maxMs);
    }
    return this.#maxMs;
  }
}
