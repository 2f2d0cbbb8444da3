/**
 * Runs services as processes that the agent supervises and that survive it.
 *
 * Each gets a session of its own and writes to its own log file. It is started through a gate: a
 * shell that waits for a word from the agent and then becomes the program. The word comes after the
 * process's id is durable, so an agent that dies at any moment leaves either a recorded process or
 * none: a gate whose agent is gone reads the end of its pipe and ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { DEFAULT_PATH } from "../../run-command.ts";
import type { InstanceBackend, LaunchResult, RunningInstance } from "../instance-backend.ts";
import type { ServiceRecord } from "../service-record.ts";
import { findProgram } from "./find-program.ts";
import { readCommandLine, readProcess } from "./proc.ts";
import { INSTANCE_VARIABLE, isAlive, killMembers } from "./process-group.ts";
import { describeExit, ProcessInstance } from "./process-instance.ts";
import type { ServiceLogs } from "./service-logs.ts";

export interface ProcessBackendOptions {
  /** Where programs run, and what relative program names are relative to. */
  readonly workingFolder: string;
  readonly logs: ServiceLogs;
  /** Of the kernel that runs now. */
  readonly bootId: string;
}

/** How often adopted processes are looked at. */
export const ADOPTED_POLL_MS = 200;
const GATE_WORD = "go";
const GATE = [
  "read -r word || exit 125",
  `[ "$word" = ${GATE_WORD} ] || exit 125`,
  "unset word PWD OLDPWD SHLVL",
  'exec "$@" </dev/null',
].join("; ");
const GATE_POLL_MS = 2;
/** A gate that has not become the program by then is taken to be slow, not wrong. */
const GATE_WAIT_MS = 1_000;

export class ProcessBackend implements InstanceBackend {
  readonly #options: ProcessBackendOptions;
  readonly #adopted = new Set<ProcessInstance>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ProcessBackendOptions) {
    this.#options = options;
  }

  async launch(
    record: ServiceRecord,
    store: (record: ServiceRecord) => Promise<void>,
  ): Promise<LaunchResult> {
    const { service } = record;
    const environment = this.#environment(record);
    const program = await findProgram(
      service.command[0] ?? "",
      environment["PATH"] ?? DEFAULT_PATH,
      this.#options.workingFolder,
    );
    if (program.type === "missing") return { type: "failed", reason: program.reason };
    const command = [program.path, ...service.command.slice(1)];
    const child = this.#spawnGate(record, command, environment);
    const failure = await startFailure(child);
    if (failure !== undefined || child.pid === undefined) {
      return { type: "failed", reason: `cannot start a process: ${failure ?? "unknown"}` };
    }
    const startTicks = readProcess(child.pid)?.startTicks ?? 0;
    const known: ServiceRecord = { ...record, pid: child.pid, startTicks };
    try {
      await store(known);
    } catch (error) {
      child.stdin?.destroy();
      throw error;
    }
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(`${GATE_WORD}\n`);
    const ended = await passGate(child, child.pid);
    if (ended !== undefined) {
      return { type: "failed", reason: `${command[0]} ${ended} at its start` };
    }
    child.unref();
    return { type: "running", instance: ProcessInstance.ofChild(known, child), record: known };
  }

  find(record: ServiceRecord): Promise<RunningInstance | { readonly reason: string }> {
    if (record.bootId !== this.#options.bootId) {
      return Promise.resolve({ reason: "the node was restarted" });
    }
    if (!isAlive(record)) {
      return Promise.resolve({ reason: "ended while no agent was running" });
    }
    const instance = new ProcessInstance(record);
    this.#adopted.add(instance);
    this.#timer ??= setInterval(() => this.#pollAdopted(), ADOPTED_POLL_MS);
    return Promise.resolve(instance);
  }

  async clean(record: ServiceRecord): Promise<void> {
    if (record.bootId !== this.#options.bootId) return;
    await killMembers(record);
  }

  [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#adopted.clear();
    this.#options.logs[Symbol.dispose]();
    return Promise.resolve();
  }

  #pollAdopted(): void {
    for (const instance of this.#adopted) {
      instance.poll();
      if (instance.ended) this.#adopted.delete(instance);
    }
    if (this.#adopted.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #environment(record: ServiceRecord): Record<string, string> {
    return {
      PATH: process.env["PATH"] ?? DEFAULT_PATH,
      HOME: process.env["HOME"] ?? "/",
      LANG: process.env["LANG"] ?? "C.UTF-8",
      ...record.service.environment,
      ATOLL_ROOT_DIR: this.#options.workingFolder,
      [INSTANCE_VARIABLE]: record.instance,
    };
  }

  #spawnGate(
    record: ServiceRecord,
    command: readonly string[],
    environment: Record<string, string>,
  ): ChildProcess {
    return this.#options.logs.withDescriptor(record.key, (log) =>
      spawn("/bin/sh", ["-c", GATE, "atoll-gate", ...command], {
        detached: true,
        cwd: this.#options.workingFolder,
        env: environment,
        stdio: ["pipe", log, log],
      }),
    );
  }
}

/** The operating system's code when no process came to be. */
function startFailure(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    child.once("spawn", () => resolve(undefined));
    child.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

/** Waits until the gate has become the program. Returns how it ended when it ended instead. */
async function passGate(child: ChildProcess, pid: number): Promise<string | undefined> {
  const deadlineMs = performance.now() + GATE_WAIT_MS;
  while (performance.now() < deadlineMs) {
    if (child.exitCode !== null || child.signalCode !== null) {
      // 126 and 127 are the shell's own words for a program that it could not execute.
      const refused = child.exitCode === 126 || child.exitCode === 127;
      return refused ? describeExit(child.exitCode, child.signalCode) : undefined;
    }
    // A process that has just ended has no command line; its end is told a moment later.
    const [program = "", , third] = readCommandLine(pid);
    if (program !== "" && third !== GATE) return undefined;
    await new Promise((resolve) => setTimeout(resolve, GATE_POLL_MS));
  }
  return undefined;
}
