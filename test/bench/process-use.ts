/**
 * What processes have used of processor and memory, from /proc.
 */
import { readdirSync, readFileSync } from "node:fs";

const NS_PER_SECOND = 1e9;

/** Processor time of all of `pids` together so far, in seconds, of threads that still run. */
export function cpuSeconds(pids: readonly number[]): number {
  let ns = 0;
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
    }
  }
  return ns / NS_PER_SECOND;
}

/** Resident memory of a process now, in bytes. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const [, kibibytes = "0"] = /^VmRSS:\s+([0-9]+) kB$/m.exec(status) ?? [];
  return Number(kibibytes) * 1024;
}
