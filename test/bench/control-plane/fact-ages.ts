/**
 * How old facts were when they came into the state, as the orchestrators' metrics tell it.
 *
 * Only a leader counts; the counts of all replicas are added up, so a change of leader loses
 * nothing. Sound here because agents and replicas share one machine's clock.
 */
import type { Lab } from "@atoll/lab";

const BUCKET = /^atoll_fact_age_seconds_bucket\{le="([^"]+)".*\} (\d+)$/gm;
const MS_PER_SECOND = 1_000;

export class FactAges {
  /** Facts at most so old, by upper bound in seconds. */
  readonly #atMost: ReadonlyMap<number, number>;

  constructor(atMost: ReadonlyMap<number, number> = new Map()) {
    this.#atMost = atMost;
  }

  static async read(lab: Lab): Promise<FactAges> {
    const atMost = new Map<number, number>();
    const orchestrators = lab.processes.filter(({ spec }) => spec.kind === "orchestrator");
    for (const { spec } of orchestrators) {
      const answer = await fetch(`http://127.0.0.1:${spec.ports["admin"]}/metrics`);
      for (const [, bound = "", count] of (await answer.text()).matchAll(BUCKET)) {
        const seconds = bound === "+Inf" ? Infinity : Number(bound);
        atMost.set(seconds, (atMost.get(seconds) ?? 0) + Number(count));
      }
    }
    return new FactAges(atMost);
  }

  get count(): number {
    return this.#atMost.get(Infinity) ?? 0;
  }

  since(before: FactAges): FactAges {
    const difference = [...this.#atMost].map(([bound, count]): [number, number] => [
      bound,
      count - (before.#atMost.get(bound) ?? 0),
    ]);
    return new FactAges(new Map(difference));
  }

  /** Upper ends of the buckets: never better than it was. */
  quantiles(): { readonly p50Ms: number; readonly p99Ms: number } {
    return { p50Ms: this.#quantileMs(0.5), p99Ms: this.#quantileMs(0.99) };
  }

  #quantileMs(share: number): number {
    for (const [bound, count] of this.#atMost) {
      if (count >= share * this.count) return bound * MS_PER_SECOND;
    }
    return Infinity;
  }
}
