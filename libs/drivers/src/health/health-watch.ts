/**
 * Follows the health of one running instance: starting, then healthy or unhealthy.
 *
 * Probes never overlap: the next is set when the last has answered. Until the first success it
 * looks often, so that a service that is up is known to be up at once; after `STARTING_MS_MAX`
 * without one it is called unhealthy. Thresholds count consecutive answers, as the role says.
 */
import type { HealthCheck } from "@atoll/domain";
import type { Probe } from "./probe.ts";

/**
 * Between probes of a service that has not been healthy yet; grows to {@link SLOW_START_PROBE_MS}.
 */
export const QUICK_PROBE_MS = 50;
export const QUICK_PHASE_MS = 5_000;
export const SLOW_START_PROBE_MS = 250;
/** How long a service may be `starting`, unless its own thresholds take longer. */
export const STARTING_MS_MAX = 30_000;

export type HealthStatus = "healthy" | "unhealthy";

export interface HealthWatchOptions {
  readonly check: HealthCheck;
  readonly probe: Probe;
  readonly environment: Readonly<Record<string, string>>;
  /** Called at each change, never after `stop`. */
  readonly onStatus: (status: HealthStatus, reason: string) => void;
}

export class HealthWatch {
  /** Resolves when the first probe has answered. */
  readonly firstProbe: Promise<void>;
  readonly #options: HealthWatchOptions;
  readonly #aborter = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #status: "starting" | HealthStatus = "starting";
  #successes = 0;
  #failures = 0;
  readonly #startedMs: number = performance.now();

  constructor(options: HealthWatchOptions) {
    this.#options = options;
    this.firstProbe = this.#look();
  }

  stop(): void {
    this.#aborter.abort();
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    const { check, probe, environment } = this.#options;
    const { signal } = this.#aborter;
    const reason = await probe(check.probe, { timeoutMs: check.timeoutMs, environment, signal });
    if (signal.aborted) return;
    this.#count(reason);
    if (signal.aborted) return;
    this.#timer = setTimeout(() => void this.#look(), this.#pauseMs());
  }

  #count(reason: string | undefined): void {
    const { check } = this.#options;
    if (reason === undefined) {
      this.#successes += 1;
      this.#failures = 0;
      if (this.#status !== "healthy" && this.#successes >= check.healthyAfter) {
        this.#become("healthy", "");
      }
      return;
    }
    this.#failures += 1;
    this.#successes = 0;
    if (this.#status === "healthy" && this.#failures >= check.unhealthyAfter) {
      this.#become("unhealthy", reason);
    }
    if (this.#status === "starting" && this.#ageMs() >= this.#startingMs()) {
      this.#become("unhealthy", `not healthy since its start: ${reason}`);
    }
  }

  #become(status: HealthStatus, reason: string): void {
    this.#status = status;
    this.#options.onStatus(status, reason);
  }

  #pauseMs(): number {
    const { intervalMs } = this.#options.check;
    if (this.#status !== "starting") return intervalMs;
    const quickMs = this.#ageMs() < QUICK_PHASE_MS ? QUICK_PROBE_MS : SLOW_START_PROBE_MS;
    return Math.min(intervalMs, quickMs);
  }

  #startingMs(): number {
    const { intervalMs, unhealthyAfter } = this.#options.check;
    return Math.max(STARTING_MS_MAX, intervalMs * unhealthyAfter);
  }

  #ageMs(): number {
    return performance.now() - this.#startedMs;
  }
}
