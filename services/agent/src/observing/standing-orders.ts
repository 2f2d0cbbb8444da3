/**
 * Restarts crashed services by their last order while nobody else can: when the bus is away.
 *
 * The first restart is at once, the next after 1, 2, 4 … 60 seconds; a service that stayed up
 * begins anew. Does nothing in maintenance, in observe mode, or while the bus is there; when it
 * returns, what was planned is dropped.
 */
import type { ActionExecutor, NodeServices } from "@atoll/agent-core";
import { type Fact, type ServiceKey, type ServiceObservation, serviceTarget } from "@atoll/domain";
import type { Clock } from "@atoll/stdx";

export interface StandingOrdersOptions {
  readonly services: NodeServices;
  readonly executor: Pick<ActionExecutor, "runAlone">;
  readonly report: (fact: Fact) => void;
  readonly clock: Clock;
  /** False in maintenance and in observe mode. */
  readonly allowed: () => boolean;
  readonly onRestart: (key: ServiceKey, reason: string) => void;
  readonly onBroken: (error: unknown) => void;
  /** How long the bus must be away. Default {@link ALONE_AFTER_MS}. */
  readonly aloneAfterMs?: number;
}

export const ALONE_AFTER_MS = 3_000;
export const BACKOFF_FIRST_MS = 1_000;
export const BACKOFF_MOST_MS = 60_000;
/** A service that ran this long before it crashed again counts as having recovered. */
export const RECOVERED_AFTER_MS = 10_000;

interface Trouble {
  restarts: number;
  lastRestartMs: number;
  timer: NodeJS.Timeout | undefined;
}

export class StandingOrders implements Disposable {
  readonly #options: StandingOrdersOptions;
  readonly #troubles = new Map<ServiceKey, Trouble>();
  #aloneTimer: NodeJS.Timeout | undefined;
  #alone = false;
  #disposed = false;
  readonly #unsubscribe: () => void;

  constructor(options: StandingOrdersOptions) {
    this.#options = options;
    this.#unsubscribe = options.services.onChange((change) => {
      if (change.type === "forgotten") this.#forget(change.key);
      else this.#consider(change.observation);
    });
  }

  /** Whether the agent is on its own now. */
  get alone(): boolean {
    return this.#alone;
  }

  connectionChanged(connected: boolean): void {
    if (connected) {
      clearTimeout(this.#aloneTimer);
      this.#aloneTimer = undefined;
      this.#alone = false;
      for (const key of this.#troubles.keys()) this.#forget(key);
      return;
    }
    if (this.#alone || this.#aloneTimer !== undefined || this.#disposed) return;
    this.#aloneTimer = setTimeout(() => {
      this.#aloneTimer = undefined;
      this.#alone = true;
      for (const observation of this.#options.services.list()) this.#consider(observation);
    }, this.#options.aloneAfterMs ?? ALONE_AFTER_MS);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#unsubscribe();
    clearTimeout(this.#aloneTimer);
    for (const key of this.#troubles.keys()) this.#forget(key);
  }

  #consider(observation: ServiceObservation): void {
    if (!this.#alone || observation.status !== "crashed" || !this.#options.allowed()) return;
    const { key } = observation;
    const trouble = this.#troubles.get(key) ?? { restarts: 0, lastRestartMs: 0, timer: undefined };
    this.#troubles.set(key, trouble);
    if (trouble.timer !== undefined) return;
    const upMs = this.#options.clock.monotonicMs() - trouble.lastRestartMs;
    if (trouble.restarts > 0 && upMs > RECOVERED_AFTER_MS + delayOf(trouble.restarts)) {
      trouble.restarts = 0;
    }
    trouble.timer = setTimeout(() => {
      trouble.timer = undefined;
      this.#restart(key, trouble).catch(this.#options.onBroken);
    }, delayOf(trouble.restarts));
  }

  async #restart(key: ServiceKey, trouble: Trouble): Promise<void> {
    const { services, executor, report, clock, allowed, onRestart } = this.#options;
    await executor.runAlone(serviceTarget(key), async () => {
      const observation = services.find(key);
      const service = services.specification(key);
      if (!this.#alone || !allowed() || observation?.status !== "crashed") return;
      if (service === undefined) return;
      trouble.restarts += 1;
      trouble.lastRestartMs = clock.monotonicMs();
      const reason = `restarted without the orchestrator: ${observation.reason}`;
      report({ type: "serviceRestartedAlone", observedAtMs: clock.realtimeMs(), key, reason });
      onRestart(key, observation.reason);
      await services.start(service);
    });
  }

  #forget(key: ServiceKey): void {
    clearTimeout(this.#troubles.get(key)?.timer);
    this.#troubles.delete(key);
  }
}

/** Before the next restart, after so many. */
function delayOf(restarts: number): number {
  if (restarts === 0) return 0;
  return Math.min(BACKOFF_FIRST_MS * 2 ** (restarts - 1), BACKOFF_MOST_MS);
}
