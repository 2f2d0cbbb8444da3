/**
 * Founds a lost group anew from a backup: checked first as a whole, then written folder by folder.
 *
 * The new group has an id of its own, and its log begins far beyond anything that the lost one can
 * have reached: no index, no term and no action's id is used twice, however much the lost group did
 * after its backup. All folders get the same bytes for the same backup, group id and replicas, so
 * that they may be made on several machines. Nothing that exists is overwritten. Called by `atoll
 * group restore`.
 */
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { encodeLogEntry, encodeSnapshot } from "@atoll/codec";
import type { Datacenter, DomainEvent, LogEntry } from "@atoll/domain";
import { LevelLogStore } from "@atoll/raft-level";
import { exists, LOG_FOLDER, syncFolder, writeGroupFile } from "@atoll/service-kit";
import { assert, crc32c } from "@atoll/stdx";
import { type Entry, membershipOf, type SnapshotMetadata } from "raft-ts";
import type { BackupHeader } from "./backup-file.ts";

/** Entries that the lost group may have written after the backup at most. */
export const RESTORE_INDEX_LEAP = 1_000_000_000;
/** Terms that it may have begun after the backup at most. */
export const RESTORE_TERM_LEAP = 1_000_000;
const ACTOR = "restore";

export interface RestoreTarget {
  readonly replica: number;
  readonly folder: string;
}

export interface RestorePlan {
  readonly header: BackupHeader;
  readonly groupId: string;
  /** host:port by id: all replicas of the new group, those of other machines too. */
  readonly replicas: ReadonlyMap<number, string>;
  readonly targets: readonly RestoreTarget[];
}

/** The first index that the new group will write itself follows this one. */
export function restoredIndex(header: BackupHeader): number {
  return header.index + RESTORE_INDEX_LEAP + 1;
}

/**
 * Writes every target. Those of earlier targets stay when a later one fails; each is either whole
 * under its name or not there.
 */
export async function writeTargets(plan: RestorePlan, state: Datacenter): Promise<void> {
  const content = logOf(plan, state);
  for (const target of plan.targets) await writeTarget(plan, target, content);
}

interface LogContent {
  readonly metadata: SnapshotMetadata;
  readonly chunks: readonly Uint8Array[];
  readonly entry: Entry;
}

/** The snapshot as it was, and one entry after it that says what happened. */
function logOf(plan: RestorePlan, state: Datacenter): LogContent {
  const { header, replicas } = plan;
  const chunks = encodeSnapshot(state);
  let sizeBytes = 0;
  let checksum = 0;
  for (const chunk of chunks) {
    sizeBytes += chunk.length;
    checksum = crc32c(chunk, checksum);
  }
  const index = header.index + RESTORE_INDEX_LEAP;
  const term = header.term + RESTORE_TERM_LEAP;
  const membership = membershipOf([...replicas.keys()]);
  const data = encodeLogEntry(firstEntry(plan, state));
  return {
    metadata: { index, term, membership, sizeBytes, checksum },
    chunks,
    entry: { index: index + 1, term, type: "data", data },
  };
}

function firstEntry({ header, groupId, replicas }: RestorePlan, state: Datacenter): LogEntry {
  const events: DomainEvent[] = [
    {
      type: "groupRestored",
      group: groupId,
      previousGroup: header.groupId,
      backupIndex: header.index,
    },
  ];
  for (const { id } of state.groupReplicas()) {
    if (!replicas.has(id)) events.push({ type: "replicaForgotten", replica: id });
  }
  for (const [replica, address] of replicas) {
    events.push({ type: "replicaAddressSet", replica, address, replaces: 0 });
  }
  // The same on every machine: the backup's last moment, not this one.
  return { stampMs: state.stampMs, events: events.map((event) => ({ event, actor: ACTOR })) };
}

async function writeTarget(
  plan: RestorePlan,
  { replica, folder }: RestoreTarget,
  content: LogContent,
): Promise<void> {
  const place = resolve(folder);
  assert(!(await exists(place)), `${place} is there already`);
  const temporary = `${place}.restoring`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  await writeGroupFile(temporary, plan.groupId);
  await writeLog(
    join(temporary, LOG_FOLDER),
    { groupId: plan.groupId, replicaId: replica },
    content,
  );
  await rename(temporary, place);
  await syncFolder(dirname(place));
}

async function writeLog(
  folder: string,
  identity: { readonly groupId: string; readonly replicaId: number },
  { metadata, chunks, entry }: LogContent,
): Promise<void> {
  const founding = metadata.membership;
  {
    const { store } = await LevelLogStore.open({ folder, identity, founding });
    await using _closing = store;
    const hardState = { term: entry.term, vote: 0, commit: entry.index };
    await done((callback) => store.installSnapshot(metadata, chunks, hardState, callback));
    await done((callback) => store.write({ hardState, entries: [entry] }, callback));
  }
  // What cannot be opened again must not be called restored.
  const { store, recovered } = await LevelLogStore.open({ folder, identity, founding });
  await using _closing = store;
  assert(recovered.last.index === entry.index, `the log ends at ${recovered.last.index}`);
}

function done(start: (callback: (error: Error | undefined) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}
