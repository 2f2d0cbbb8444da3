/**
 * Finds and ends everything that belongs to one instance of a service.
 *
 * An instance's first process leads a session and group of its own, and everything it starts
 * inherits the instance's variable. A process belongs to it when it is in that group or carries
 * that variable. A group id is not reused by the kernel while a member lives; a leader with another
 * start time means that all members are gone.
 */
import type { ServiceRecord } from "../service-record.ts";
import { hasVariable, listProcesses, type ProcessStat, readProcess } from "./proc.ts";

export const INSTANCE_VARIABLE = "ATOLL_SERVICE_INSTANCE";

/** Whether the recorded first process is still the one that runs under its id. */
export function isAlive(record: ServiceRecord): boolean {
  if (record.pid === 0) return false;
  return readProcess(record.pid)?.startTicks === record.startTicks;
}

/** Live processes of the instance, its first one included. */
export function findMembers(record: ServiceRecord): readonly ProcessStat[] {
  const leader = record.pid === 0 ? undefined : readProcess(record.pid);
  const groupIsOurs =
    record.pid !== 0 && (leader === undefined || leader.startTicks === record.startTicks);
  return listProcesses().filter(
    (process) =>
      (groupIsOurs && process.group === record.pid && process.startTicks >= record.startTicks) ||
      hasVariable(process.pid, INSTANCE_VARIABLE, record.instance),
  );
}

/** Sends the signal to the whole group while its leader lives. Returns whether anything got it. */
export function signalGroup(record: ServiceRecord, signal: NodeJS.Signals): boolean {
  if (!isAlive(record)) return false;
  return send(-record.pid, signal);
}

/** Kills whatever is left of the instance; looks again until nothing is, at most `rounds` times. */
export async function killMembers(record: ServiceRecord, rounds = 100): Promise<boolean> {
  for (let round = 0; round < rounds; round += 1) {
    const members = findMembers(record);
    if (members.length === 0) return true;
    for (const member of members) send(member.pid, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}

function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
