/**
 * Checks a backup, or the folder of a replica that is stopped, from end to end.
 *
 * Shows everything that is wrong, not only the first; changes nothing. Called by `atoll group
 * verify`.
 */
import { stat } from "node:fs/promises";
import { createHash } from "node:crypto";
import { decodeSnapshot, encodeSnapshot } from "@atoll/codec";
import { bytesText } from "../render/document.ts";
import { scanBackup } from "./backup-file.ts";
import { verifyReplicaFolder } from "./replica-folder.ts";

export interface VerifyReport {
  readonly path: string;
  /** What it is, in a few words. */
  readonly summary: string;
  /** Empty when it is whole. */
  readonly problems: readonly string[];
  /** What to do when it is not. */
  readonly hint: string;
}

export async function verifyPath(path: string): Promise<VerifyReport> {
  const about = await stat(path);
  return about.isDirectory() ? verifyReplicaFolder(path) : verifyBackup(path);
}

async function verifyBackup(path: string): Promise<VerifyReport> {
  const pieces: Uint8Array[] = [];
  const { header, sizeBytes, stateHash, problems } = await scanBackup(path, (piece) => {
    pieces.push(piece);
  });
  const summary =
    header === undefined
      ? "no backup"
      : `backup of group ${header.groupId} up to #${header.index}, ${bytesText(sizeBytes)}`;
  const found = problems.length > 0 ? problems : checkState(pieces, stateHash);
  return { path, summary, problems: found, hint: "take another backup: `atoll group backup FILE`" };
}

/** Whether the pieces are a state, and the same state gives the same bytes again. */
function checkState(pieces: readonly Uint8Array[], stateHash: string): string[] {
  try {
    const hash = createHash("sha256");
    for (const chunk of encodeSnapshot(decodeSnapshot(pieces))) hash.update(chunk);
    if (hash.digest("hex") === stateHash) return [];
    return ["its state, read and written again, is not the same"];
  } catch (error) {
    return [`its state cannot be read: ${error instanceof Error ? error.message : String(error)}`];
  }
}
