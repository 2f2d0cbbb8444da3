/**
 * The environment variables that the command reads, and the only reader of them.
 */
import { readFileSync } from "node:fs";

export interface FleetEnvironment {
  /** ATOLL_NATS_URL */
  readonly natsUrl: string | undefined;
  /** ATOLL_DATACENTER */
  readonly datacenter: string | undefined;
  /** Files and sockets that one process may have open; undefined where the system does not say. */
  readonly openFilesMax: number | undefined;
}

export function readEnvironment(variables: NodeJS.ProcessEnv): FleetEnvironment {
  return {
    natsUrl: variables["ATOLL_NATS_URL"],
    datacenter: variables["ATOLL_DATACENTER"],
    openFilesMax: readOpenFilesMax(),
  };
}

/** Node has raised its own limit to what the system allows. */
function readOpenFilesMax(): number | undefined {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const [, most] = /^Max open files\s+(\d+)/m.exec(limits) ?? [];
    return most === undefined ? undefined : Number(most);
  } catch {
    return undefined;
  }
}
