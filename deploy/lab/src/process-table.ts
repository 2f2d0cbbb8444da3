/**
 * What the kernel says of processes: whether one is still the one it was, and which belong to a
 * lab.
 *
 * A pid alone means nothing after a restart; with its start time it means one process for as long
 * as the machine runs. Read from /proc.
 */
import { readdirSync, readFileSync } from "node:fs";

/** Set in the environment of every process of a lab, to its state folder. */
export const LAB_MARKER = "ATOLL_LAB";
/** Set by agents in the environment of the services they run, to the node's root folder. */
const ROOT_MARKER = "ATOLL_ROOT_DIR";

export interface ProcessIdentity {
  readonly pid: number;
  /** In clock ticks since the machine started. */
  readonly startTicks: number;
}

/** When the process began, or undefined when there is none of this pid, or only its remains. */
export function startTicksOf(pid: number): number | undefined {
  const stat = readProcFile(pid, "stat");
  if (stat === undefined) return undefined;
  // The second field is the program's name in parentheses and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const state = fields[0];
  if (state === "Z" || state === "X") return undefined;
  return Number(fields[19]);
}

export function isRunning(identity: ProcessIdentity): boolean {
  return startTicksOf(identity.pid) === identity.startTicks;
}

/** Sends a signal; false when the process is gone. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isRunning(identity)) return false;
  try {
    process.kill(identity.pid, name);
    return true;
  } catch {
    return false;
  }
}

/** Processes of the lab with this state folder, their services included; never the caller. */
export function processesOfLab(stateDir: string): ProcessIdentity[] {
  const found: ProcessIdentity[] = [];
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const environment = readProcFile(pid, "environ");
    if (environment === undefined || !belongsTo(environment, stateDir)) continue;
    const startTicks = startTicksOf(pid);
    if (startTicks !== undefined) found.push({ pid, startTicks });
  }
  return found;
}

function belongsTo(environment: string, stateDir: string): boolean {
  return environment.split("\0").some((variable) => {
    if (variable === `${LAB_MARKER}=${stateDir}`) return true;
    return variable.startsWith(`${ROOT_MARKER}=${stateDir}/`);
  });
}

function readProcFile(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return undefined;
  }
}
