/**
 * What `atoll group restore` is told: which replicas the new group has, where their folders are
 * made, and under which id.
 *
 * Refuses what makes no sense before anything is written; looks at the disk only for what is in the
 * way. Called by the command alone.
 */
import { REPLICA_ID_MAX } from "@atoll/domain";
import { exists, isRestoredGroupOf, restoredGroupId } from "@atoll/service-kit";
import { parseCount } from "../config.ts";
import { EXIT_STATUS } from "../exit-status.ts";
import { CommandError, usageError } from "../failure.ts";
import type { BackupHeader } from "./backup-file.ts";
import type { RestoreTarget } from "./restore.ts";

/** host:port by id, of the whole new group. */
export function replicasOf(
  given: string | undefined,
  header: BackupHeader,
): ReadonlyMap<number, string> {
  const replicas = new Map<number, string>();
  if (given === undefined) {
    for (const id of header.voters) replicas.set(id, header.addresses[id] ?? "");
  } else {
    for (const part of given.split(",")) {
      const [id = "", address = ""] = part.split(/=(.*)/s);
      replicas.set(parseCount("--replicas: an id", id, 1, REPLICA_ID_MAX), address);
    }
  }
  const missing = [...replicas].filter(([, address]) => !/^\S+:\d{1,5}$/.test(address));
  if (missing.length === 0 && replicas.size > 0) return replicas;
  throw usageError(
    `the address of replica ${missing.map(([id]) => id).join(", ")} is not known`,
    "give all of the new group with --replicas 1=host:port,2=host:port,3=host:port",
  );
}

/** The folders to make on this machine: `id=folder` each, or in the order of `ids`. */
export function targetsOf(given: readonly string[], ids: readonly number[]): RestoreTarget[] {
  const sorted = ids.toSorted((left, right) => left - right);
  const targets = given.map((text, at) => {
    const match = /^(\d+)=(.+)$/s.exec(text);
    const replica = match === null ? sorted[at] : Number(match[1]);
    return { replica: replica ?? 0, folder: match?.[2] ?? text };
  });
  const wrong = targets.find(({ replica }) => !sorted.includes(replica));
  const twice = new Set(targets.map(({ replica }) => replica)).size < targets.length;
  if (wrong === undefined && !twice) return targets;
  throw usageError(
    twice ? "a replica is named twice" : `${wrong?.folder} is for none of the replicas`,
    `the replicas are ${sorted.join(", ")}; say which is which: --to 1=FOLDER 2=FOLDER`,
  );
}

/** The id that another machine's restore has printed, or a new one. */
export function groupOf(given: string | undefined, datacenter: string): string {
  if (given === undefined) return restoredGroupId(datacenter);
  if (isRestoredGroupOf(datacenter, given)) return given;
  throw usageError(
    `--group ${JSON.stringify(given)} is none that a restore has printed`,
    `it looks like atoll/${datacenter}/1f00ba21`,
  );
}

/** Nothing that exists is overwritten. */
export async function checkFolder(folder: string): Promise<void> {
  if (!(await exists(folder))) return;
  throw new CommandError(`${folder} is there already; nothing was changed`, {
    exitStatus: EXIT_STATUS.error,
    hints: [`keep what is in it: mv ${folder} ${folder}.lost`],
  });
}
