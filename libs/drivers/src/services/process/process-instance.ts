/**
 * One run of a program, started by this agent or by an earlier one.
 *
 * The end of an own child is told by the kernel at once; the end of an adopted process, which is
 * nobody's child here, by looking at /proc every 200 ms.
 */
import type { ChildProcess } from "node:child_process";
import type { RunningInstance } from "../instance-backend.ts";
import type { ServiceRecord } from "../service-record.ts";
import { findMembers, isAlive, killMembers, signalGroup } from "./process-group.ts";

const STOP_POLL_MS = 20;
/** How long the kernel may take to remove a killed process. */
const KILL_WAIT_MS = 5_000;

export class ProcessInstance implements RunningInstance {
  readonly pid: number;
  readonly #record: ServiceRecord;
  readonly #listeners: ((reason: string) => void)[] = [];
  #endReason: string | undefined;

  constructor(record: ServiceRecord) {
    this.pid = record.pid;
    this.#record = record;
  }

  /** The run of an own child. */
  static ofChild(record: ServiceRecord, child: ChildProcess): ProcessInstance {
    const instance = new ProcessInstance(record);
    if (child.exitCode !== null || child.signalCode !== null) {
      instance.end(describeExit(child.exitCode, child.signalCode));
    }
    child.on("exit", (status, signal) => instance.end(describeExit(status, signal)));
    return instance;
  }

  /** Looks whether an adopted process still runs. */
  poll(): void {
    if (this.#endReason !== undefined || isAlive(this.#record)) return;
    this.end("ended; its exit status is unknown because an earlier agent had started it");
  }

  get ended(): boolean {
    return this.#endReason !== undefined;
  }

  onEnd(listener: (reason: string) => void): void {
    if (this.#endReason === undefined) this.#listeners.push(listener);
    else listener(this.#endReason);
  }

  onReplaced(): void {
    // A process is never replaced by another.
  }

  end(reason: string): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    for (const listener of this.#listeners.splice(0)) listener(reason);
  }

  async stop(timeoutMs: number): Promise<void> {
    signalGroup(this.#record, "SIGTERM");
    if (await this.#waitGone(timeoutMs)) return;
    signalGroup(this.#record, "SIGKILL");
    await killMembers(this.#record);
    if (await this.#waitGone(KILL_WAIT_MS)) return;
    throw new Error(`process ${this.pid} is still there ${KILL_WAIT_MS} ms after SIGKILL`);
  }

  async #waitGone(timeoutMs: number): Promise<boolean> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const lookedMs = performance.now();
      if (!isAlive(this.#record) && findMembers(this.#record).length === 0) return true;
      if (performance.now() >= deadlineMs) return false;
      // Looking through all processes of a big machine takes a while; others need the loop too.
      const pauseMs = Math.max(STOP_POLL_MS, 4 * (performance.now() - lookedMs));
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

export function describeExit(status: number | null, signal: NodeJS.Signals | null): string {
  if (signal !== null) return `killed by ${signal}`;
  return `ended with status ${status ?? "unknown"}`;
}
