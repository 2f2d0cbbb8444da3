/**
 * Writes per second at a number in flight, how long each took, and what it cost in processor time.
 */
import { cpuSeconds } from "../process-use.ts";
import { LeaderChangedError, type Cluster } from "./cluster.ts";

export interface LoadResult {
  readonly inFlight: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Processor time of all members over the time of the run, in cores. */
  readonly membersCores: number;
  /** Of the client, likewise. */
  readonly clientCores: number;
  /** How often the leader changed under the load, so that the run was begun anew. */
  readonly begunAnew: number;
}

const ATTEMPTS_MAX = 5;

export interface Durations {
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** Begins anew, a few times at most, when the leader changes under the load. */
export async function measureLoad(
  cluster: Cluster,
  inFlight: number,
  durations: Durations,
): Promise<LoadResult> {
  for (let begunAnew = 0; ; begunAnew += 1) {
    try {
      return { ...(await measureOnce(cluster, inFlight, durations)), begunAnew };
    } catch (error) {
      if (!(error instanceof LeaderChangedError) || begunAnew === ATTEMPTS_MAX) throw error;
      await cluster.healthy();
    }
  }
}

async function measureOnce(
  cluster: Cluster,
  inFlight: number,
  durations: Durations,
): Promise<Omit<LoadResult, "begunAnew">> {
  const driver = await cluster.driver();
  try {
    const { warmUpMs } = durations;
    if (warmUpMs > 0) await driver.run(inFlight, performance.now() + warmUpMs, () => {});
    const latencies: number[] = [];
    const weights: number[] = [];
    let count = 0;
    const cpuBefore = cpuSeconds(cluster.pids());
    const ownBefore = process.cpuUsage();
    const beginMs = performance.now();
    const endMs = beginMs + durations.measureMs;
    await driver.run(inFlight, endMs, (sentMs, answered) => {
      const nowMs = performance.now();
      if (nowMs > endMs) return;
      latencies.push(nowMs - sentMs);
      weights.push(answered);
      count += answered;
    });
    const seconds = (performance.now() - beginMs) / 1000;
    const own = process.cpuUsage(ownBefore);
    const quantile = weightedQuantiles(latencies, weights, count);
    return {
      inFlight,
      perSecond: count / (durations.measureMs / 1000),
      p50Ms: quantile(0.5),
      p99Ms: quantile(0.99),
      maxMs: quantile(1),
      membersCores: (cpuSeconds(cluster.pids()) - cpuBefore) / seconds,
      clientCores: (own.user + own.system) / 1e6 / seconds,
    };
  } finally {
    driver.close();
  }
}

/** Quantiles over single writes, which were answered in batches of `weights`. */
function weightedQuantiles(
  latencies: readonly number[],
  weights: readonly number[],
  count: number,
): (share: number) => number {
  const order = latencies.map((_, at) => at);
  order.sort((one, other) => (latencies[one] as number) - (latencies[other] as number));
  return (share) => {
    let left = share * count;
    for (const at of order) {
      left -= weights[at] as number;
      if (left <= 0) return latencies[at] as number;
    }
    return latencies[order.at(-1) ?? 0] ?? 0;
  };
}
