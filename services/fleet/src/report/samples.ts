/**
 * How the run went, second by second: bounded, by keeping every other second when it grows long.
 */
import type { HistogramCounts } from "@atoll/stdx";
import type { FleetState, Phase } from "../load/coordinator.ts";

export interface Sample {
  readonly atMs: number;
  readonly phase: Phase;
  readonly connected: number;
  readonly waiting: number;
  readonly taken: number;
  readonly committed: number;
  /** Of what was committed since the sample before. */
  readonly commitP50Ms: number;
  readonly commitP99Ms: number;
  readonly rssBytes: number;
  readonly cpuMs: number;
}

export const SAMPLES_MAX = 4_000;

export class Samples {
  #samples: Sample[] = [];
  /** States that make one sample. */
  #stride = 1;
  #seen = 0;
  #before: HistogramCounts = { buckets: [], maxMs: 0 };

  add(state: FleetState, atMs: number): void {
    this.#seen += 1;
    if (this.#seen % this.#stride !== 0) return;
    const { phase, connected, waiting, rssBytes, cpuMs, tally } = state;
    const recent = tally.commitMs.since(this.#before);
    this.#before = tally.commitMs.counts();
    this.#samples.push({
      atMs,
      phase,
      connected,
      waiting,
      taken: tally.of("factsTaken"),
      committed: tally.of("factsCommitted"),
      commitP50Ms: recent.quantileMs(0.5),
      commitP99Ms: recent.count === 0 ? 0 : recent.quantileMs(0.99),
      rssBytes,
      cpuMs,
    });
    if (this.#samples.length < SAMPLES_MAX) return;
    this.#samples = this.#samples.filter((_, at) => at % 2 === 1);
    this.#stride *= 2;
  }

  list(): readonly Sample[] {
    return this.#samples;
  }
}
