/**
 * Child processes that never outlive the program that started them, and waiting with a deadline.
 *
 * Each is ended by its own id, also when the program fails or is interrupted. Used by the
 * benchmarks of Raft and by the suite of linearizability.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { freePorts as freeLabPorts } from "@atoll/lab";

const running = new Set<ChildProcess>();

process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => process.exit(1));
}

export function start(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): ChildProcess {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/** Kills and waits for the end. */
export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await exited;
}

/** Asks it to end, and kills it when it does not within `deadlineMs`. */
export async function end(child: ChildProcess, deadlineMs = 3000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), deadlineMs);
  await exited;
  clearTimeout(timer);
}

/** Ports that no program uses and that the kernel gives to no outgoing connection. */
export async function freePorts(count: number): Promise<number[]> {
  const names = Array.from({ length: count }, (_, at) => [`port-${at}`, 0]);
  return Object.values(await freeLabPorts(Object.fromEntries(names), {}));
}

/** Waits until `state` gives a value. @throws after `deadlineMs`. */
export async function until<T>(
  what: string,
  state: () => Promise<T | undefined> | T | undefined,
  deadlineMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const value = await state();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`not in ${deadlineMs} ms: ${what}`);
    await pause(5);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
