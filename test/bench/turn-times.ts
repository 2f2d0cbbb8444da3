/**
 * How long the turns of a replica's loop took, by what they did, with and without collections of
 * garbage.
 *
 * A turn that the machine interrupted counts by the processor time of this thread, which is told in
 * steps. Of longer ones it is kept when they were; collections are told after the run, and taken
 * off by their share of the turn.
 */
import { PerformanceObserver } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { Histogram } from "@atoll/stdx";

/** In what steps some machines tell the processor time of a thread. */
const STEP_MS = 4;
/** The processor time is asked for so often at most: asking takes as long as a short turn. */
const ASKED_EVERY_MS = 2;
/** Turns from here on are kept one by one. */
const LONG_MS = 5;
const LONG_MAX = 100_000;
/** No turn of a replica is to take longer than this. */
const BOUND_MS = 20;

interface LongTurn {
  readonly what: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly cpuMs: number;
  readonly at: string;
}

interface Collection {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface MeasuredTurns {
  readonly kinds: readonly {
    readonly what: string;
    readonly histogram: Histogram;
    /** The longest, collections taken off. */
    readonly ownMsMax: number;
  }[];
  readonly over: readonly (LongTurn & { readonly ownMs: number })[];
}

export class TurnTimes {
  readonly #histograms = new Map<string, Histogram>();
  readonly #long: LongTurn[] = [];
  readonly #collections: Collection[] = [];
  #used = process.threadCpuUsage();
  #askedMs = 0;
  readonly #observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      this.#collections.push({ fromMs: startTime, toMs: startTime + duration });
    }
  });

  constructor() {
    // Of marking in steps nobody is told; in one go it can be taken off.
    setFlagsFromString("--no-incremental-marking");
    this.#observer.observe({ entryTypes: ["gc"] });
  }

  run(what: string, run: () => void, at: () => string = () => ""): void {
    const fromMs = performance.now();
    if (fromMs - this.#askedMs > ASKED_EVERY_MS) {
      this.#used = process.threadCpuUsage();
      this.#askedMs = fromMs;
    }
    run();
    const toMs = performance.now();
    const cpuMs = toMs - fromMs < LONG_MS ? toMs - fromMs : this.#cpuMs(fromMs, toMs);
    const histogram = this.#histograms.get(what) ?? new Histogram();
    this.#histograms.set(what, histogram);
    histogram.record(cpuMs);
    if (cpuMs < LONG_MS || this.#long.length >= LONG_MAX) return;
    this.#long.push({ what, fromMs, toMs, cpuMs, at: at() });
  }

  /** By what was done, and the turns longer than the bound, the longest first. Ends measuring. */
  async end(): Promise<MeasuredTurns> {
    // Collections are told once the loop goes round.
    for (let turns = 0; turns < 4; turns += 1) await setImmediate();
    this.#observer.disconnect();
    this.#collections.sort((left, right) => left.fromMs - right.fromMs);
    const long = this.#long.map((turn) => ({ ...turn, ownMs: this.#withoutCollections(turn) }));
    const byOwn = long.toSorted((left, right) => right.ownMs - left.ownMs);
    const kinds = [...this.#histograms].map(([what, histogram]) => {
      const ownMs = byOwn.find((turn) => turn.what === what)?.ownMs ?? histogram.maxMs;
      return { what, histogram, ownMsMax: ownMs };
    });
    return { kinds, over: byOwn.filter(({ ownMs }) => ownMs > BOUND_MS) };
  }

  /** What the turn took of the processor, at most: what came before it since was asked is in it. */
  #cpuMs(fromMs: number, toMs: number): number {
    const { user, system } = process.threadCpuUsage(this.#used);
    return Math.min(toMs - fromMs, (user + system) / 1_000 + STEP_MS);
  }

  #withoutCollections({ fromMs, toMs, cpuMs }: LongTurn): number {
    let collectedMs = 0;
    for (let at = firstAfter(this.#collections, fromMs); at < this.#collections.length; at += 1) {
      const { fromMs: begin, toMs: end } = this.#collections[at] as Collection;
      if (begin >= toMs) break;
      collectedMs += Math.min(end, toMs) - Math.max(begin, fromMs);
    }
    return cpuMs * Math.max(0, 1 - collectedMs / (toMs - fromMs));
  }
}

/** The first collection that ends after `ms`; they are in order. */
function firstAfter(collections: readonly Collection[], ms: number): number {
  let low = 0;
  let high = collections.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((collections[middle] as Collection).toMs <= ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Lines for people. */
export function formatTurns({ kinds, over }: MeasuredTurns): string[] {
  const lines = [row("turn", "count", "median", "99 %", "99.99 %", "longest", "without GC")];
  for (const { what, histogram, ownMsMax } of kinds) {
    const quantiles = [0.5, 0.99, 0.9999].map((share) => histogram.quantileMs(share));
    const figures = [...quantiles, histogram.maxMs, ownMsMax].map((ms) => ms.toFixed(2));
    lines.push(row(what, String(histogram.count), ...figures));
  }
  lines.push(`${over.length} turns took more than ${BOUND_MS} ms without collections`);
  for (const { what, at, ownMs, cpuMs } of over.slice(0, 8)) {
    lines.push(`  ${what} ${ownMs.toFixed(1)} ms of ${cpuMs.toFixed(1)} ms, at ${at}`);
  }
  return lines;
}

function row(what: string, ...cells: readonly string[]): string {
  return what.padEnd(10) + cells.map((cell) => cell.padStart(12)).join("");
}
