/**
 * Latencies in buckets of one percent: exact enough for a table, bounded in memory.
 *
 * Histograms of several processes add up to the one of all.
 */
const STEP = 1.01;
const SMALLEST_MS = 0.01;
/** Ten years. */
const LARGEST_MS = 3.2e11;

/** As plain data, for another process. */
export interface HistogramCounts {
  readonly buckets: readonly (readonly [bucket: number, count: number])[];
  readonly maxMs: number;
}

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
    const within = Math.min(Math.max(ms, SMALLEST_MS), LARGEST_MS);
    this.#add(Math.max(0, Math.ceil(Math.log(within / SMALLEST_MS) / Math.log(STEP))), 1);
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  counts(): HistogramCounts {
    return { buckets: [...this.#counts], maxMs: this.#maxMs };
  }

  add({ buckets, maxMs }: HistogramCounts): void {
    for (const [bucket, count] of buckets) this.#add(bucket, count);
    this.#maxMs = Math.max(this.#maxMs, maxMs);
  }

  /** What was recorded after `earlier` was taken of this one. The largest is that of all. */
  since(earlier: HistogramCounts): Histogram {
    const difference = new Histogram();
    const before = new Map(earlier.buckets);
    for (const [bucket, count] of this.#counts) {
      const more = count - (before.get(bucket) ?? 0);
      if (more > 0) difference.#add(bucket, more);
    }
    difference.#maxMs = this.#maxMs;
    return difference;
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

  #add(bucket: number, count: number): void {
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count);
    this.#count += count;
  }
}
