/**
 * What a fleet counts: of one process, or of all of them added up.
 */
import { Histogram, type HistogramCounts } from "@atoll/stdx";

/** Counts that only grow, all from zero. */
const COUNTS = {
  /** Facts made by the scenario's rate, each with a name of its own. */
  changes: 0,
  factsTaken: 0,
  factsCommitted: 0,
  /** In outboxes of nodes that were wiped. */
  factsWiped: 0,
  /** That were due and not made, because the agent was away. */
  factsNotMade: 0,
  resends: 0,
  publishFailures: 0,
  connectionsLost: 0,
  ordersReceived: 0,
  ordersAccepted: 0,
  ordersRefused: 0,
  actionsRun: 0,
  actionsFinished: 0,
  oddMessages: 0,
  startedOver: 0,
  repeated: 0,
  unfenced: 0,
  happenings: 0,
};

export type TallyName = keyof typeof COUNTS;

/** As plain data, for another process. */
export interface TallyData {
  readonly counts: Readonly<Record<TallyName, number>>;
  readonly commitMs: HistogramCounts;
  readonly actionMs: HistogramCounts;
  readonly violations: readonly string[];
}

/** Words about violations that are kept. */
const VIOLATIONS_MAX = 20;

export class Tally {
  readonly #counts: Record<TallyName, number> = { ...COUNTS };
  readonly #violations: string[] = [];
  /** From a fact in the outbox to the agent's knowledge that it is committed. */
  readonly commitMs: Histogram = new Histogram();
  /** From a fact in the outbox to the order that answers it. */
  readonly actionMs: Histogram = new Histogram();

  count(name: TallyName, more = 1): void {
    this.#counts[name] += more;
  }

  of(name: TallyName): number {
    return this.#counts[name];
  }

  get violations(): readonly string[] {
    return this.#violations;
  }

  violated(name: "repeated" | "unfenced", words: string): void {
    this.count(name);
    if (this.#violations.length < VIOLATIONS_MAX) this.#violations.push(words);
  }

  data(): TallyData {
    return {
      counts: { ...this.#counts },
      commitMs: this.commitMs.counts(),
      actionMs: this.actionMs.counts(),
      violations: [...this.#violations],
    };
  }

  static sum(parts: readonly TallyData[]): Tally {
    const sum = new Tally();
    for (const { counts, commitMs, actionMs, violations } of parts) {
      for (const [name, count] of Object.entries(counts)) sum.count(name as TallyName, count);
      sum.commitMs.add(commitMs);
      sum.actionMs.add(actionMs);
      sum.#violations.push(...violations.slice(0, VIOLATIONS_MAX - sum.#violations.length));
    }
    return sum;
  }
}
