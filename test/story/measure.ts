/**
 * Waiting for a state with a deadline, and figures about times.
 */
import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 5;

/** Milliseconds until `condition` gives a value that is not undefined or false, with that value. */
export async function timeUntil<Value>(
  what: string,
  allowedMs: number,
  condition: () => Promise<Value | undefined | false>,
): Promise<{ readonly tookMs: number; readonly value: Value }> {
  const beganMs = performance.now();
  while (true) {
    const value = await condition();
    const tookMs = performance.now() - beganMs;
    if (value !== undefined && value !== false) return { tookMs, value: value as Value };
    if (tookMs > allowedMs) throw new Error(`not within ${allowedMs} ms: ${what}`);
    await delay(POLL_MS);
  }
}

/** The smallest value that so many percent of the values do not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? NaN;
}

/** `p50 41 ms, p99 83 ms, worst 83 ms over 40`. */
export function distribution(values: readonly number[]): string {
  const [p50, p99, worst] = [50, 99, 100].map((percent) => time(percentile(values, percent)));
  return `p50 ${p50}, p99 ${p99}, worst ${worst} over ${values.length}`;
}

export function time(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1_000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`;
}
