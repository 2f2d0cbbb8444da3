/**
 * Looks into the folder of a replica: whose it is, how far its log goes, and what is wrong with it.
 *
 * Reads copies and changes nothing. A folder in which a replica works is no matter for this: what
 * is found there may be wrong the next moment.
 */
import { join, resolve } from "node:path";
import { isLogFolder, type LogFolderReport, verifyLogFolder } from "@atoll/raft-level";
import { isGroupOf, LOG_FOLDER, readGroupFile } from "@atoll/service-kit";
import type { VerifyReport } from "./verify.ts";

export type ReplicaFolder =
  | { readonly type: "none" }
  /** Of another datacenter. */
  | { readonly type: "foreign" }
  | { readonly type: "unreadable"; readonly reason: string }
  | {
      readonly type: "log";
      readonly replica: number;
      readonly groupId: string;
      /** The highest that could be read, however damaged the rest is. */
      readonly lastIndex: number;
    };

export async function inspectReplicaFolder(
  path: string,
  datacenter: string,
): Promise<ReplicaFolder> {
  const report = await verifyAt(path);
  if (report === undefined) return { type: "none" };
  const { identity, lastIndex, findings } = report;
  if (identity === undefined) {
    const [first] = findings;
    return { type: "unreadable", reason: first === undefined ? "it is empty" : first.detail };
  }
  const { groupId, replicaId: replica } = identity;
  if (!isGroupOf(datacenter, groupId)) return { type: "foreign" };
  return { type: "log", replica, groupId, lastIndex };
}

/** What `atoll group verify FOLDER` says of a folder. */
export async function verifyReplicaFolder(path: string): Promise<VerifyReport> {
  const hint =
    `start the replica: with what the others hold it repairs the log of ${path}, or puts it ` +
    "aside and rebuilds it; where no majority can be started: `atoll group restore`";
  const report = await verifyAt(path);
  if (report === undefined) {
    const problems = ["there is no log in it"];
    return { path, summary: "no replica's folder", problems, hint };
  }
  const { identity, lastIndex, findings, findingsTotal, standing } = report;
  const problems = findings.map(({ record, detail }) => `${record}: ${detail}`);
  if (findingsTotal > findings.length) {
    problems.push(`and ${findingsTotal - findings.length} more`);
  }
  const named = await readGroupFile(path).catch((error: Error) => error.message);
  if (named !== undefined && identity !== undefined && named !== identity.groupId) {
    problems.push(`group.json: ${named} is not the log's group ${identity.groupId}`);
  }
  if (standing === "recovering" || standing === "blank") {
    problems.push(`the log is ${standing}: it does not hold all that its replica promised`);
  }
  return { path, summary: summaryOf(report, lastIndex), problems, hint };
}

function summaryOf({ identity, verdict }: LogFolderReport, lastIndex: number): string {
  if (identity === undefined) return "a log without an identity";
  const torn = verdict === "torn" ? ", a last write cut off that nobody was told of" : "";
  return `log of replica ${identity.replicaId} of ${identity.groupId} to #${lastIndex}${torn}`;
}

/** Takes the replica's folder, or the log's folder in it; undefined when there is neither. */
async function verifyAt(path: string): Promise<LogFolderReport | undefined> {
  for (const folder of [join(resolve(path), LOG_FOLDER), resolve(path)]) {
    if (await isLogFolder(folder)) return verifyLogFolder(folder);
  }
  return undefined;
}
