/**
 * Why a backup must not be restored: what would be lost, mixed up or split by it.
 *
 * Each check gives sentences for people; an empty list lets the restore go on. They only look.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { isLogFolder } from "@atoll/raft-level";
import { askStatus, isGroupOf, LOG_FOLDER, type Transport } from "@atoll/service-kit";
import { type BackupHeader, readBackupHeader } from "./backup-file.ts";
import { inspectReplicaFolder } from "./replica-folder.ts";

const ASK_MS_MAX = 1_000;
/** More files beside a backup than these are not looked into. */
const NEIGHBOURS_MAX = 1_000;

export function foreignness(header: BackupHeader, datacenter: string): string[] {
  const problems: string[] = [];
  if (header.datacenter !== datacenter) {
    problems.push(`it is a backup of datacenter ${header.datacenter}, not of ${datacenter}`);
  } else if (!isGroupOf(datacenter, header.groupId)) {
    problems.push(`it is of group ${header.groupId}, which is none of datacenter ${datacenter}`);
  }
  return problems;
}

/**
 * Other backups beside `path` and what is at `compare` (backups, folders of backups, folders of
 * replicas) that know more of the same datacenter than this backup does. Folders of `groupId`, the
 * group that is being founded, are none of them.
 */
export async function staleness(
  path: string,
  header: BackupHeader,
  options: { readonly compare: readonly string[]; readonly groupId: string },
): Promise<string[]> {
  const { compare, groupId } = options;
  const candidates = new Set<string>();
  for (const place of [dirname(resolve(path)), ...compare.map((one) => resolve(one))]) {
    for (const candidate of await candidatesAt(place)) candidates.add(candidate);
  }
  candidates.delete(resolve(path));
  const problems: string[] = [];
  for (const candidate of candidates) {
    const newer = await newerThan(candidate, header, groupId);
    if (newer !== undefined) problems.push(newer);
  }
  return problems;
}

/** Replicas of the lost group that still answer: two groups would act at once. */
export async function survivors(header: BackupHeader, transport: Transport): Promise<string[]> {
  const asked = Object.entries(header.addresses).map(async ([id, address]) => {
    const status = await askStatus(address, transport, ASK_MS_MAX);
    if (status === undefined || status.datacenter !== header.datacenter) return undefined;
    return `replica ${id} of group ${status.groupId} still answers at ${address}`;
  });
  return (await Promise.all(asked)).filter((problem) => problem !== undefined);
}

async function candidatesAt(place: string): Promise<string[]> {
  const about = await stat(place).catch(() => undefined);
  if (about === undefined) return [];
  if (about.isFile()) return [place];
  const names = (await readdir(place)).slice(0, NEIGHBOURS_MAX);
  if (names.includes(LOG_FOLDER) || (await isLogFolder(place))) return [place];
  return names.map((name) => join(place, name));
}

async function newerThan(
  path: string,
  header: BackupHeader,
  groupId: string,
): Promise<string | undefined> {
  const about = await stat(path).catch(() => undefined);
  if (about?.isFile() === true) {
    const other = await readBackupHeader(path).catch(() => undefined);
    if (other === undefined || other.datacenter !== header.datacenter) return undefined;
    if (other.index <= header.index) return undefined;
    const backup = `backup ${basename(path)} goes to entry ${other.index}`;
    return `${backup}, this one to ${header.index}`;
  }
  if (about?.isDirectory() !== true) return undefined;
  const found = await inspectReplicaFolder(path, header.datacenter);
  if (found.type === "none" || found.type === "foreign") return undefined;
  if (found.type === "unreadable") return `${path} may be newer: ${found.reason}`;
  if (found.groupId === groupId || found.lastIndex <= header.index) return undefined;
  const folder = `the folder of replica ${found.replica} at ${path} goes to entry`;
  return `${folder} ${found.lastIndex}, this backup to ${header.index}`;
}
