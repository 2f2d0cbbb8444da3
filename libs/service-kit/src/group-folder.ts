/**
 * The folder of an orchestrator replica, as far as more than one program knows it: where the log
 * is, and which Raft group it belongs to.
 *
 * A group is founded as `atoll/DC`. One that was restored from a backup is another group and has
 * another id, `atoll/DC/SUFFIX`: whoever still speaks for the lost one is refused by peers, and
 * gateways take the state anew. The id stands in a small file beside the log; the log itself holds
 * it too and refuses to be opened under another. Used by the orchestrator and by `atoll group
 * restore`.
 */
import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { OperationalError } from "./operational-error.ts";
import { syncFolder } from "./sync-folder.ts";

export const GROUP_FILE = "group.json";
/** The log's folder inside the replica's. */
export const LOG_FOLDER = "raft";
const SUFFIX_BYTES = 4;
const SUFFIX_PATTERN = /^[0-9a-f]{8}$/;

/** The file is there and says nothing that fits: an operator must look. */
export class GroupFileError extends OperationalError {
  override name = "GroupFileError";

  constructor(path: string, detail: string) {
    super(`${path}: ${detail}`, { code: "groupFileBad" });
  }
}

export function foundingGroupId(datacenter: string): string {
  return `atoll/${datacenter}`;
}

/** The id of a group that is restored now; none that was ever given. */
export function restoredGroupId(datacenter: string): string {
  return `${foundingGroupId(datacenter)}/${randomBytes(SUFFIX_BYTES).toString("hex")}`;
}

/** True for what {@link restoredGroupId} gives for the datacenter. */
export function isRestoredGroupOf(datacenter: string, groupId: string): boolean {
  const prefix = `${foundingGroupId(datacenter)}/`;
  return groupId.startsWith(prefix) && SUFFIX_PATTERN.test(groupId.slice(prefix.length));
}

/** True for the founding group of the datacenter and those restored from it. */
export function isGroupOf(datacenter: string, groupId: string): boolean {
  const founding = foundingGroupId(datacenter);
  return groupId === founding || groupId.startsWith(`${founding}/`);
}

/** Whether there is anything at `path`. @throws what the disk says, but that it is not there. */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** The id that the folder says; undefined when it says none. @throws GroupFileError */
export async function readGroupFile(dataDir: string): Promise<string | undefined> {
  const path = join(dataDir, GROUP_FILE);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new GroupFileError(path, `it cannot be read: ${String(error)}`);
  }
  try {
    const { groupId } = JSON.parse(text) as { groupId?: unknown };
    if (typeof groupId === "string" && groupId !== "") return groupId;
  } catch {
    throw new GroupFileError(path, "it is no JSON");
  }
  throw new GroupFileError(path, "it names no group");
}

/** Makes the folder where it is missing. Durable and whole once it resolves. */
export async function writeGroupFile(dataDir: string, groupId: string): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  const path = join(dataDir, GROUP_FILE);
  const temporary = `${path}.tmp`;
  const file = await open(temporary, "w");
  try {
    await file.writeFile(`${JSON.stringify({ groupId })}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dataDir);
}
