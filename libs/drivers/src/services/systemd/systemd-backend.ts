/**
 * Runs services as systemd units, which systemd supervises and which survive the agent by nature.
 *
 * A unit's main process is watched in /proc, which costs nothing; systemd is asked when that
 * process is gone, and by a slow period for what /proc does not show. Does not write units: they
 * come with packages or as managed files.
 */
import type { InstanceBackend, LaunchResult, RunningInstance } from "../instance-backend.ts";
import { readProcess } from "../process/proc.ts";
import type { ServiceRecord } from "../service-record.ts";
import type { Systemctl, UnitState } from "./systemctl.ts";

const WATCH_MS = 200;
/** How often systemd is asked about units whose main process is as it was. */
const ASK_EVERY_ROUNDS = 50;
const START_TIMEOUT_MS = 90_000;
/** How long a unit may take to settle after its start job has ended. */
const SETTLE_MS = 5_000;
const SETTLE_LOOK_MS = 50;

export class SystemdBackend implements InstanceBackend {
  readonly #systemctl: Systemctl;
  readonly #instances = new Set<UnitInstance>();
  #timer: NodeJS.Timeout | undefined;
  #round = 0;
  #asking = false;

  constructor(systemctl: Systemctl) {
    this.#systemctl = systemctl;
  }

  async launch(
    record: ServiceRecord,
    store: (record: ServiceRecord) => Promise<void>,
  ): Promise<LaunchResult> {
    const { unit } = record.service;
    const before = await this.#systemctl.show(unit);
    if (before.load === "not-found") {
      return { type: "failed", reason: `systemd knows no unit ${unit}` };
    }
    if (before.active === "active" || before.active === "activating") {
      // It runs with a configuration that is not known to be the wanted one.
      const stopped = await this.#systemctl.stop(unit, record.service.stopTimeoutMs);
      if (stopped !== undefined) return { type: "failed", reason: `${unit}: ${stopped}` };
    }
    const refused = await this.#systemctl.start(unit, START_TIMEOUT_MS);
    const state = await this.#showSettled(unit);
    if (refused !== undefined || !isUp(state)) {
      return { type: "failed", reason: refused ?? describeEnd(unit, state) };
    }
    const startTicks = readProcess(state.pid)?.startTicks ?? 0;
    const known: ServiceRecord = { ...record, pid: state.pid, startTicks };
    await store(known);
    return { type: "running", instance: this.#watch(unit, state.pid), record: known };
  }

  async find(record: ServiceRecord): Promise<RunningInstance | { readonly reason: string }> {
    const { unit } = record.service;
    let state: UnitState;
    try {
      state = await this.#systemctl.show(unit);
    } catch (error) {
      return { reason: `systemd could not be asked: ${(error as Error).message}` };
    }
    if (record.pid === 0) {
      // The agent died while systemd was starting it: whether with this configuration is not known.
      return { reason: "the agent restarted while the unit was being started" };
    }
    return isUp(state) ? this.#watch(unit, state.pid) : { reason: describeEnd(unit, state) };
  }

  clean(): Promise<void> {
    // systemd itself ends what a unit leaves in its control group.
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#instances.clear();
    return Promise.resolve();
  }

  /** The state of a unit once it is not on its way to another, or as it is after a while. */
  async #showSettled(unit: string): Promise<UnitState> {
    const deadlineMs = performance.now() + SETTLE_MS;
    for (;;) {
      const state = await this.#systemctl.show(unit);
      const moving = state.active === "deactivating" || state.active === "activating";
      if (!moving || performance.now() >= deadlineMs) return state;
      await new Promise((resolve) => setTimeout(resolve, SETTLE_LOOK_MS));
    }
  }

  #watch(unit: string, pid: number): UnitInstance {
    const instance = new UnitInstance(unit, pid, this.#systemctl);
    this.#instances.add(instance);
    this.#timer ??= setInterval(() => void this.#lookAtAll(), WATCH_MS);
    return instance;
  }

  async #lookAtAll(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    this.#round += 1;
    try {
      for (const instance of this.#instances) {
        if (instance.needsLook || this.#round % ASK_EVERY_ROUNDS === 0) await instance.look();
        if (instance.ended) this.#instances.delete(instance);
      }
    } finally {
      this.#asking = false;
    }
    if (this.#instances.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

class UnitInstance implements RunningInstance {
  pid: number;
  readonly #unit: string;
  readonly #systemctl: Systemctl;
  readonly #endListeners: ((reason: string) => void)[] = [];
  readonly #replacedListeners: ((pid: number) => void)[] = [];
  #endReason: string | undefined;
  #stopping = false;

  constructor(unit: string, pid: number, systemctl: Systemctl) {
    this.#unit = unit;
    this.pid = pid;
    this.#systemctl = systemctl;
  }

  get ended(): boolean {
    return this.#endReason !== undefined || this.#stopping;
  }

  /** A unit without a main process (`Type=oneshot`) is looked at by the slow period alone. */
  get needsLook(): boolean {
    return this.pid !== 0 && readProcess(this.pid) === undefined;
  }

  onEnd(listener: (reason: string) => void): void {
    if (this.#endReason === undefined) this.#endListeners.push(listener);
    else listener(this.#endReason);
  }

  onReplaced(listener: (pid: number) => void): void {
    this.#replacedListeners.push(listener);
  }

  async look(): Promise<void> {
    let state: UnitState;
    try {
      state = await this.#systemctl.show(this.#unit);
    } catch {
      // The manager does not answer: nothing is known, so nothing is said.
      return;
    }
    if (this.ended) return;
    if (!isUp(state)) {
      // Between two runs of a unit that systemd restarts by itself nothing is decided yet.
      if (state.active === "activating" || state.active === "deactivating") return;
      this.#endReason = describeEnd(this.#unit, state);
      for (const listener of this.#endListeners.splice(0)) listener(this.#endReason);
    } else if (state.pid !== this.pid) {
      this.pid = state.pid;
      for (const listener of this.#replacedListeners) listener(state.pid);
    }
  }

  async stop(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    const late = await this.#systemctl.stop(this.#unit, timeoutMs);
    if (late === undefined) return;
    await this.#systemctl.kill(this.#unit);
    const refused = await this.#systemctl.stop(this.#unit, timeoutMs);
    if (refused !== undefined) throw new Error(`${this.#unit} did not stop: ${refused}`);
  }
}

function isUp(state: UnitState): boolean {
  return state.active === "active" || state.active === "reloading";
}

function describeEnd(unit: string, state: UnitState): string {
  if (state.load === "not-found") return `systemd knows no unit ${unit}`;
  if (state.exitCode === 1) return `${unit} ended with status ${state.status}`;
  if (state.exitCode > 1) return `${unit} was killed by signal ${state.status}`;
  return `${unit} is ${state.active} (${state.result})`;
}
