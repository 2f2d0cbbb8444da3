/**
 * Looks into the folder of a replica: whose it is and how far its log goes.
 *
 * Never while a replica works in it: the lock of the log keeps us out, and we say so.
 */
import { join, resolve } from "node:path";
import { ForeignLogError, LevelLogStore } from "@atoll/raft-level";
import { foundingGroupId, LOG_FOLDER, readGroupFile } from "@atoll/service-kit";
import { membershipOf } from "raft-ts";
import type { BackupHeader } from "./backup-file.ts";
import { exists } from "./restore.ts";
import type { VerifyReport } from "./verify.ts";

export type ReplicaFolder =
  | { readonly type: "none" }
  /** Of another group of another datacenter. */
  | { readonly type: "foreign" }
  | { readonly type: "unreadable"; readonly reason: string }
  | {
      readonly type: "log";
      readonly replica: number;
      readonly groupId: string;
      readonly lastIndex: number;
    };

export async function inspectReplicaFolder(
  path: string,
  expected: Pick<BackupHeader, "datacenter" | "voters" | "learners">,
): Promise<ReplicaFolder> {
  const logFolder = join(resolve(path), LOG_FOLDER);
  if (!(await exists(logFolder))) return { type: "none" };
  const groupId = (await readGroupFile(path)) ?? foundingGroupId(expected.datacenter);
  const ids = new Set([...expected.voters, ...expected.learners, 1, 2, 3, 4, 5]);
  for (const replicaId of ids) {
    try {
      const { store, recovered } = await LevelLogStore.open({
        folder: logFolder,
        identity: { groupId, replicaId },
        founding: membershipOf([replicaId]),
      });
      await store[Symbol.asyncDispose]();
      return { type: "log", replica: replicaId, groupId, lastIndex: recovered.last.index };
    } catch (error) {
      if (error instanceof ForeignLogError) continue;
      return { type: "unreadable", reason: error instanceof Error ? error.message : String(error) };
    }
  }
  return { type: "foreign" };
}

/** What `atoll group verify FOLDER` says of a folder. */
export async function verifyReplicaFolder(path: string): Promise<VerifyReport> {
  const hint =
    `with a healthy majority: start the replica, it puts ${path} aside and rebuilds it; ` +
    "else `atoll group restore`";
  const groupId = await readGroupFile(path);
  const datacenter = (groupId ?? "").split("/")[1] ?? "";
  const found = await inspectReplicaFolder(path, { datacenter, voters: [], learners: [] });
  switch (found.type) {
    case "none":
      return { path, summary: "no replica's folder", problems: ["there is no log in it"], hint };
    case "foreign":
      return { path, summary: "a log", problems: ["its group and replica do not fit"], hint };
    case "unreadable":
      return { path, summary: "a replica's log", problems: [found.reason], hint };
    case "log": {
      const summary = `log of replica ${found.replica} of ${found.groupId} to #${found.lastIndex}`;
      return { path, summary, problems: [], hint };
    }
  }
}
