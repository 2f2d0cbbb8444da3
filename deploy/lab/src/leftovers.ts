/**
 * What an earlier lab left running when it was killed itself.
 *
 * Its own processes are stopped, to be started anew. The services on its nodes are left alone:
 * the agents that come take them over again, which is what happens on real nodes. Only a lab that
 * begins anew ends them too.
 */
import { setTimeout as delay } from "node:timers/promises";
import { labFilePath, readLabFile, type LabFile } from "./lab-file.ts";
import { LabError } from "./options.ts";
import { isRunning, processesOfLab, signal, type ProcessIdentity } from "./process-table.ts";
import { STOP_ORDER } from "./topology.ts";

const STOP_MS = 3_000;
const POLL_MS = 20;

/** @throws LabError while a lab runs on this state folder. */
export function refuseSecondLab(stateDir: string): LabFile | undefined {
  const earlier = readLabFile(stateDir);
  const runs = earlier !== undefined && earlier.control !== null && isRunning(earlier.lab);
  if (!runs) return earlier;
  throw new LabError(
    `a lab runs here already (process ${earlier.lab.pid}, gateway ${earlier.gateway}): ` +
      `stop it with Ctrl-C where it runs or \`kill ${earlier.lab.pid}\`, ` +
      `or start another with --state DIR --port-base 0; ` +
      `${labFilePath(stateDir)} lists its processes`,
  );
}

/** Ends the processes that `earlier` lists; services stay. Returns their names. */
export async function stopLeftovers(earlier: LabFile): Promise<string[]> {
  const stopped: string[] = [];
  for (const kind of STOP_ORDER) {
    const running = earlier.processes.flatMap(({ name, kind: itsKind, pid, startTicks }) => {
      if (itsKind !== kind || pid === null || startTicks === null) return [];
      const identity = { pid, startTicks };
      return isRunning(identity) ? [{ name, identity }] : [];
    });
    stopped.push(...running.map(({ name }) => name));
    // An agent that is asked to go would stop its services; a killed one leaves them running.
    const how = kind === "agent" ? "SIGKILL" : "SIGTERM";
    await endAll(
      running.map(({ identity }) => identity),
      how,
    );
  }
  return stopped;
}

/**
 * Ends everything that belongs to the lab of this state folder, services included. Returns how
 * many there were.
 */
export async function sweep(stateDir: string): Promise<number> {
  const found = processesOfLab(stateDir);
  await endAll(found, "SIGTERM");
  return found.length;
}

async function endAll(identities: readonly ProcessIdentity[], how: NodeJS.Signals): Promise<void> {
  for (const identity of identities) {
    signal(identity, "SIGCONT");
    signal(identity, how);
  }
  if (await allGone(identities)) return;
  for (const identity of identities) signal(identity, "SIGKILL");
  await allGone(identities);
}

async function allGone(identities: readonly ProcessIdentity[]): Promise<boolean> {
  const deadlineMs = performance.now() + STOP_MS;
  while (identities.some(isRunning)) {
    if (performance.now() > deadlineMs) return false;
    await delay(POLL_MS);
  }
  return true;
}
