/**
 * One process of a lab: started, watched, started again when somebody killed it, stopped.
 *
 * A state machine: stopped → starting → ready → stopping → stopped, and from starting or ready to
 * waiting when it ends by itself, from there to starting again. Its output goes to its log file.
 * It runs in a process group of its own, so that Ctrl-C reaches the lab alone, which stops all in
 * good order.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { LabError } from "./options.ts";
import { startTicksOf, type ProcessIdentity } from "./process-table.ts";
import { isReady } from "./ready.ts";
import type { ProcessSpec } from "./topology.ts";

const READY_TIMEOUT_MS = 30_000;
const READY_POLL_MS = 25;
const RESTART_DELAY_MS = 1_000;
/** One that ends again and again waits twice as long each time, up to this. */
const RESTART_DELAY_MS_MAX = 15_000;
/** A process that was ready for this long has recovered. */
const RECOVERED_AFTER_MS = 10_000;
const LOG_BYTES_MAX = 8 * 1024 * 1024;
const LOG_TAIL_LINES = 8;

export type LabProcessState = "stopped" | "starting" | "ready" | "waiting" | "stopping";

export interface LabProcessOptions {
  readonly restart: boolean;
  readonly report: (line: string) => void;
  /** Called at each change of pid or state. */
  readonly changed: () => void;
}

export class LabProcess {
  readonly spec: ProcessSpec;
  readonly #options: LabProcessOptions;
  #state: LabProcessState = "stopped";
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #startTicks: number | undefined;
  #restartTimer: NodeJS.Timeout | undefined;
  #restartDelayMs = RESTART_DELAY_MS;
  #startedAtMs = 0;

  constructor(spec: ProcessSpec, options: LabProcessOptions) {
    this.spec = spec;
    this.#options = options;
  }

  get name(): string {
    return this.spec.name;
  }

  get state(): LabProcessState {
    return this.#state;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get identity(): ProcessIdentity | undefined {
    const pid = this.pid;
    if (pid === undefined || this.#startTicks === undefined) return undefined;
    return { pid, startTicks: this.#startTicks };
  }

  /**
   * Starts it and waits until it is ready. @throws LabError with the end of its log when it does
   * not get there.
   */
  async start(): Promise<void> {
    clearTimeout(this.#restartTimer);
    if (this.#state === "stopping") await this.#exited;
    if (this.#child === undefined) this.#spawn();
    await this.#awaitReady();
  }

  /**
   * Sends a signal; for SIGKILL, resolves when it has ended. A restart follows only where the lab
   * restarts.
   */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const exited = this.#exited;
    this.#child?.kill(signal);
    if (signal === "SIGKILL") await exited;
  }

  /**
   * Stops it for good: SIGTERM, and SIGKILL when it takes longer than allowed. True when it went
   * by itself.
   */
  async stop(allowedMs: number): Promise<boolean> {
    clearTimeout(this.#restartTimer);
    const child = this.#child;
    if (child === undefined) {
      this.#become("stopped");
      return true;
    }
    this.#become("stopping");
    const exited = this.#exited;
    // A paused process takes no signal but this one.
    child.kill("SIGCONT");
    child.kill("SIGTERM");
    const inTime = await Promise.race([
      exited.then(() => true),
      delay(allowedMs, false, { ref: false }),
    ]);
    if (!inTime) child.kill("SIGKILL");
    await exited;
    return inTime;
  }

  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  /** The last lines of its log. */
  logTail(): string {
    try {
      const lines = readFileSync(this.spec.logFile, "utf8").trimEnd().split("\n");
      return lines.slice(-LOG_TAIL_LINES).join("\n");
    } catch {
      return "";
    }
  }

  #spawn(): void {
    const { spec } = this;
    mkdirSync(spec.dataDir, { recursive: true });
    if (spec.rootDir !== undefined) mkdirSync(spec.rootDir, { recursive: true });
    const log = openLog(spec.logFile);
    const [program, ...words] = spec.command;
    const child = spawn(program as string, words, {
      detached: true,
      stdio: ["ignore", log, log],
      env: spec.environment as NodeJS.ProcessEnv,
      cwd: spec.workingDir,
    });
    closeSync(log);
    this.#child = child;
    this.#startTicks = child.pid === undefined ? undefined : startTicksOf(child.pid);
    this.#startedAtMs = performance.now();
    this.#exited = new Promise((resolve) => {
      const ended = (how: string): void => {
        if (this.#child !== child) return;
        this.#child = undefined;
        this.#ended(how);
        resolve();
      };
      child.once("error", (error) => ended(`could not be started: ${error.message}`));
      child.once("exit", (code, signal) => ended(signal === null ? `exit ${code}` : signal));
    });
    this.#become("starting");
  }

  #ended(how: string): void {
    if (this.#state === "stopping" || !this.#options.restart) {
      this.#become("stopped");
      return;
    }
    const ranMs = performance.now() - this.#startedAtMs;
    if (ranMs > RECOVERED_AFTER_MS) this.#restartDelayMs = RESTART_DELAY_MS;
    const delayMs = this.#restartDelayMs;
    this.#restartDelayMs = Math.min(delayMs * 2, RESTART_DELAY_MS_MAX);
    this.#become("waiting");
    this.#options.report(`${this.name} ended (${how}); starting it again in ${delayMs / 1_000} s`);
    this.#restartTimer = setTimeout(() => void this.#restart(), delayMs);
  }

  async #restart(): Promise<void> {
    const beganMs = performance.now();
    this.#spawn();
    try {
      await this.#awaitReady();
      const tookS = ((performance.now() - beganMs) / 1_000).toFixed(1);
      this.#options.report(`${this.name} is ready again after ${tookS} s (pid ${this.pid})`);
    } catch {
      // Its end, if it came, has been reported and leads to the next attempt.
      if (this.#state === "starting") this.#options.report(`${this.name} runs but is not ready`);
    }
  }

  async #awaitReady(): Promise<void> {
    const child = this.#child;
    const deadlineMs = performance.now() + READY_TIMEOUT_MS;
    while (this.#child === child && child !== undefined && performance.now() < deadlineMs) {
      if (await isReady(this.spec.ready)) {
        if (this.#child === child && this.#state === "starting") this.#become("ready");
        return;
      }
      await delay(READY_POLL_MS);
    }
    const how = this.#child === child ? "is not ready after 30 s" : "ended before it was ready";
    throw new LabError(`${this.name} ${how}; the end of ${this.spec.logFile}:\n${this.logTail()}`);
  }

  #become(state: LabProcessState): void {
    this.#state = state;
    this.#options.changed();
  }
}

/** Opens a log to append to; a large one is put aside first. */
function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  try {
    if (statSync(path).size > LOG_BYTES_MAX) renameSync(path, `${path}.1`);
  } catch {
    // There is none yet.
  }
  return openSync(path, "a");
}
