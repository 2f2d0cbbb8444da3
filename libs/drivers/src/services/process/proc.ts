/**
 * What the kernel says about processes: the few fields of /proc that supervision needs.
 *
 * Reads are synchronous: /proc is memory, and a thread pool round trip costs more than the read.
 */
import { readdirSync, readFileSync } from "node:fs";

export interface ProcessStat {
  readonly pid: number;
  /** `Z` and `X` are dead processes that nobody has collected. */
  readonly state: string;
  readonly group: number;
  readonly session: number;
  /** Clock ticks since the kernel's start. */
  readonly startTicks: number;
}

/** The process, or undefined when there is none, or only its remains. */
export function readProcess(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  // The second field is the program's name in parentheses and may hold anything, parentheses too.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const state = fields[0] ?? "";
  if (state === "Z" || state === "X") return undefined;
  return {
    pid,
    state,
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTicks: Number(fields[19]),
  };
}

/** All live processes. */
export function listProcesses(): ProcessStat[] {
  const found: ProcessStat[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    const stat = readProcess(Number(name));
    if (stat !== undefined) found.push(stat);
  }
  return found;
}

/**
 * Whether the process was started with the variable set to this value; false when that cannot be
 * read.
 */
export function hasVariable(pid: number, name: string, value: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(`${name}=${value}`);
  } catch {
    return false;
  }
}

/** Program and arguments; empty when they cannot be read. */
export function readCommandLine(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}

/** Identifies this run of the kernel. */
export function readBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}
