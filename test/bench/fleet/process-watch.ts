/**
 * What each process of a datacenter used, second by second, and how old facts were when they came
 * into the state.
 */
import type { Lab } from "@atoll/lab";
import { FactAges } from "../control-plane/fact-ages.ts";
import { cpuSeconds, residentBytes } from "../process-use.ts";

export interface ProcessSample {
  readonly atMs: number;
  /** Cores busy since the sample before, and megabytes resident now, by process. */
  readonly cores: Readonly<Record<string, number>>;
  readonly rssMb: Readonly<Record<string, number>>;
  /** Facts that came into the state since the sample before. */
  readonly facts: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

const EVERY_MS = 1_000;
const BYTES_PER_MB = 1e6;

export class ProcessWatch implements AsyncDisposable {
  readonly samples: ProcessSample[] = [];
  readonly #lab: Lab;
  readonly #timer: NodeJS.Timeout;
  #cpu: Map<string, number>;
  #ages = new FactAges();
  #atMs: number = performance.now();
  #work: Promise<void> = Promise.resolve();
  #busy = false;

  private constructor(lab: Lab, ages: FactAges) {
    this.#lab = lab;
    this.#ages = ages;
    this.#cpu = this.#readCpu();
    this.#timer = setInterval(() => {
      if (this.#busy) return;
      this.#busy = true;
      this.#work = this.#sample().finally(() => {
        this.#busy = false;
      });
    }, EVERY_MS);
  }

  static async start(lab: Lab): Promise<ProcessWatch> {
    return new ProcessWatch(lab, await FactAges.read(lab));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#work.catch(() => undefined);
  }

  /** A replica that is too busy to answer leaves its facts to the next sample. */
  async #sample(): Promise<void> {
    const ages = await FactAges.read(this.#lab).catch(() => this.#ages);
    const nowMs = performance.now();
    const cpu = this.#readCpu();
    const seconds = (nowMs - this.#atMs) / 1_000;
    const recent = ages.since(this.#ages);
    const { p50Ms, p99Ms } = recent.quantiles();
    this.samples.push({
      atMs: Date.now(),
      cores: Object.fromEntries(
        // A thread that ends takes its time with it.
        [...cpu].map(([name, used]) => [
          name,
          Math.max(0, used - (this.#cpu.get(name) ?? used)) / seconds,
        ]),
      ),
      rssMb: Object.fromEntries(
        this.#pids().map(([name, pid]) => [name, residentBytes(pid) / BYTES_PER_MB]),
      ),
      facts: recent.count,
      ...(recent.count > 0 ? { p50Ms, p99Ms } : { p50Ms: undefined, p99Ms: undefined }),
    });
    this.#cpu = cpu;
    this.#ages = ages;
    this.#atMs = nowMs;
  }

  #pids(): [string, number][] {
    return this.#lab.processes.flatMap(({ spec, pid }): [string, number][] =>
      pid === undefined ? [] : [[spec.name, pid]],
    );
  }

  #readCpu(): Map<string, number> {
    return new Map(this.#pids().map(([name, pid]) => [name, cpuSeconds([pid])]));
  }
}
