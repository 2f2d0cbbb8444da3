/**
 * Spreads a fleet over processes, keeps them in step, and adds up what they tell.
 *
 * Phases: all start; when every agent is known all run; when each has drained all end. A process
 * that dies ends the whole run: numbers of a part would be taken for those of all.
 */
import { type ChildProcess, fork } from "node:child_process";
import { OperationalError } from "@atoll/service-kit/process";
import { Tally } from "../report/tally.ts";
import type { FleetShare } from "./fleet.ts";
import type { FromWorker, ToWorker, WorkerState } from "./messages.ts";

export const AGENTS_PER_WORKER_MAX = 3_000;
export const WORKERS_MAX = 20;

export type Phase = "starting" | "running" | "draining" | "ended";

/** All processes together. */
export interface FleetState extends Omit<WorkerState, "tally"> {
  readonly phase: Phase;
  readonly tally: Tally;
}

export interface FleetOutcome {
  readonly workers: number;
  readonly settled: boolean;
  readonly drained: boolean;
  readonly settleMs: number;
  readonly runMs: number;
  readonly drainMs: number;
  readonly state: FleetState;
}

export interface CoordinatorOptions {
  /** The whole fleet. */
  readonly share: FleetShare;
  readonly signal: AbortSignal;
  /** About once a second. */
  readonly onState: (state: FleetState) => void;
}

/** The word that makes the command a process of agents. */
export const WORKER_COMMAND = "worker";
const STATE_EVERY_MS = 1_000;

export class Coordinator {
  readonly #options: CoordinatorOptions;
  readonly #children: ChildProcess[] = [];
  readonly #states: (WorkerState | undefined)[] = [];
  readonly #steps = { started: 0, ran: 0, ended: 0 };
  #phase: Phase = "starting";
  #settled = true;
  #drained = true;
  #wake = (): void => {};
  #failure: Error | undefined;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
  }

  /** @throws OperationalError `workerDied`. */
  async run(): Promise<FleetOutcome> {
    const { signal } = this.#options;
    const stop = (): void => this.#tellAll({ type: "stop" });
    signal.addEventListener("abort", stop);
    const timer = setInterval(() => this.#options.onState(this.#state()), STATE_EVERY_MS);
    const beganMs = performance.now();
    try {
      for (const share of shares(this.#options.share)) this.#startWorker(share);
      const workers = this.#children.length;
      await this.#until(() => this.#steps.started === workers);
      const settledMs = performance.now();
      this.#phase = "running";
      this.#tellAll({ type: "run" });
      await this.#until(() => this.#steps.ran === workers);
      const ranMs = performance.now();
      this.#phase = "draining";
      await this.#until(() => this.#steps.ended === workers);
      this.#phase = "ended";
      return {
        workers,
        settled: this.#settled,
        drained: this.#drained,
        settleMs: settledMs - beganMs,
        runMs: ranMs - settledMs,
        drainMs: performance.now() - ranMs,
        state: this.#state(),
      };
    } finally {
      clearInterval(timer);
      signal.removeEventListener("abort", stop);
      for (const child of this.#children) if (this.#failure !== undefined) child.kill("SIGKILL");
    }
  }

  #startWorker(share: FleetShare): void {
    const child = fork(process.argv[1] ?? "", [WORKER_COMMAND], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const place = this.#children.push(child) - 1;
    child.on("message", (message: FromWorker) => this.#told(place, message));
    child.on("error", (error) => this.#fail(error.message));
    child.on("exit", (code, by) => {
      if (code !== 0) this.#fail(by ?? `status ${code}`);
    });
    child.send({ type: "start", share } satisfies ToWorker);
  }

  #told(place: number, message: FromWorker): void {
    if (message.type === "state" || message.type === "ended") this.#states[place] = message.state;
    if (message.type === "started") this.#settled &&= message.settled;
    if (message.type === "ended") this.#drained &&= message.drained;
    if (message.type !== "state") this.#steps[message.type] += 1;
    this.#wake();
  }

  #fail(reason: string): void {
    this.#failure ??= new OperationalError(`a process of agents ended: ${reason}`, {
      code: "workerDied",
    });
    this.#wake();
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #tellAll(message: ToWorker): void {
    for (const child of this.#children) if (child.connected) child.send(message);
  }

  #state(): FleetState {
    const states = this.#states.filter((state) => state !== undefined);
    const sum = (read: (state: WorkerState) => number): number =>
      states.reduce((all, state) => all + read(state), 0);
    return {
      phase: this.#phase,
      connected: sum(({ connected }) => connected),
      settled: sum(({ settled }) => settled),
      waiting: sum(({ waiting }) => waiting),
      openActions: sum(({ openActions }) => openActions),
      rssBytes: sum(({ rssBytes }) => rssBytes),
      cpuMs: sum(({ cpuMs }) => cpuMs),
      tally: Tally.sum(states.map(({ tally }) => tally)),
    };
  }
}

/** Even shares, each within the bound of a process. */
function shares(whole: FleetShare): FleetShare[] {
  const { agents } = whole.scenario;
  const workers = Math.min(WORKERS_MAX, Math.ceil(agents / AGENTS_PER_WORKER_MAX));
  const border = (worker: number): number => Math.floor((agents * worker) / workers);
  return Array.from({ length: workers }, (_, worker) => ({
    ...whole,
    from: border(worker),
    to: border(worker + 1),
  }));
}
