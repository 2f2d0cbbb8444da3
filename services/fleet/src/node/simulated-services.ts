/**
 * Services of a simulated node: they take their time to start, and end when they are told to.
 *
 * They belong to the node, not to its agent: they live on while the agent is restarted and end when
 * the power goes. Work that is under way when either happens is lost, as on a real node.
 */
import type { RenderedService, ServiceKey, ServiceObservation, ServiceStatus } from "@atoll/domain";
import type { ServiceChange, ServiceDriver } from "@atoll/drivers";
import { compareText } from "@atoll/stdx";

/** How the drivers of a node work; drawn anew for each piece of work. */
export interface WorkOptions {
  readonly workMs: () => number;
  readonly fails: () => boolean;
  /** Reports the opposite of what it has just answered. */
  readonly lies: boolean;
}

interface Managed {
  readonly specification: RenderedService;
  observation: ServiceObservation;
}

/** The agent ended, or the node: whoever waited hears this. */
export class InterruptedError extends Error {
  override name = "InterruptedError";
  readonly code = "INTERRUPTED";
  readonly retryable = true;
}

export class SimulatedServices implements ServiceDriver {
  readonly #options: WorkOptions;
  readonly #managed = new Map<ServiceKey, Managed>();
  readonly #listeners = new Set<(change: ServiceChange) => void>();
  readonly #work = new Set<() => void>();
  #lastPid = 0;
  #starts = 0;

  constructor(options: WorkOptions) {
    this.#options = options;
  }

  /** Times that a program was started. */
  get starts(): number {
    return this.#starts;
  }

  async start(service: RenderedService): Promise<ServiceObservation> {
    const present = this.#managed.get(service.key)?.observation;
    const same = present?.digest === service.digest && present.status === "healthy";
    return same ? present : await this.restart(service);
  }

  async restart(service: RenderedService): Promise<ServiceObservation> {
    await this.#takeTime();
    const failed = this.#options.fails();
    this.#lastPid += 1;
    this.#starts += 1;
    const observation: ServiceObservation = {
      key: service.key,
      digest: service.digest,
      status: failed ? "crashed" : "healthy",
      pid: failed ? 0 : this.#lastPid,
      reason: failed ? "the fleet lets it fail" : "",
    };
    this.#managed.set(service.key, { specification: service, observation });
    this.#tell({ type: "observed", observation });
    if (this.#options.lies) this.report(service.key, "crashed", "this is a lie");
    return observation;
  }

  async stop(key: ServiceKey): Promise<void> {
    if (!this.#managed.has(key)) return;
    await this.#takeTime();
    if (this.#managed.delete(key)) this.#tell({ type: "forgotten", key });
  }

  list(): readonly ServiceObservation[] {
    return [...this.#managed.values()]
      .map(({ observation }) => observation)
      .toSorted((left, right) => compareText(left.key, right.key));
  }

  specification(key: ServiceKey): RenderedService | undefined {
    return this.#managed.get(key)?.specification;
  }

  onChange(listener: (change: ServiceChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Any that runs, or undefined. */
  findRunning(): ServiceObservation | undefined {
    for (const { observation } of this.#managed.values()) {
      if (observation.status === "healthy") return observation;
    }
    return undefined;
  }

  /** Something happened to it, and the agent sees it. Nothing for an unknown key. */
  report(key: ServiceKey, status: ServiceStatus, reason: string): void {
    const managed = this.#managed.get(key);
    if (managed === undefined) return;
    const pid = status === "crashed" ? 0 : managed.observation.pid || this.#lastPid;
    managed.observation = { ...managed.observation, status, pid, reason };
    this.#tell({ type: "observed", observation: managed.observation });
  }

  /** All services end at once, and nobody is left to see it. */
  losePower(): void {
    this.interrupt();
    for (const managed of this.#managed.values()) {
      const reason = "it does not run after the node's start";
      managed.observation = { ...managed.observation, status: "crashed", pid: 0, reason };
    }
  }

  /** The node is reinstalled: nothing of it is left. */
  wipe(): void {
    this.interrupt();
    this.#managed.clear();
  }

  /** What is under way is given up. */
  interrupt(): void {
    for (const giveUp of [...this.#work]) giveUp();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.interrupt();
    this.#listeners.clear();
    return Promise.resolve();
  }

  #takeTime(): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (done: () => void): void => {
        clearTimeout(timer);
        this.#work.delete(giveUp);
        done();
      };
      const giveUp = (): void => end(() => reject(new InterruptedError("the agent has ended")));
      const timer = setTimeout(() => end(resolve), this.#options.workMs());
      this.#work.add(giveUp);
    });
  }

  #tell(change: ServiceChange): void {
    for (const listener of [...this.#listeners]) listener(change);
  }
}
