/**
 * Compares a managed file with its specification.
 *
 * Content, mode, and owner and group where they are specified. Never follows a link in the file's
 * place and never reads outside the root.
 */
import type { BigIntStats } from "node:fs";
import { lstat, open, readlink } from "node:fs/promises";
import { constants } from "node:fs";
import { isUtf8 } from "node:buffer";
import type { FileObservation, RenderedFile } from "@atoll/domain";
import { DriverError, systemCode, toDriverError } from "../../errors.ts";
import { findGroup, findUser } from "./accounts.ts";
import { unifiedDiff } from "./line-diff.ts";
import { RootedFolder } from "./rooted-folder.ts";

/** More is not compared line by line. */
const DIFF_BYTES_MAX = 1_048_576;

/** @throws DriverError when it cannot be looked at. */
export async function inspectFile(root: string, file: RenderedFile): Promise<FileObservation> {
  let folder: RootedFolder | undefined;
  try {
    folder = await RootedFolder.open(root, file.path, false);
  } catch (error) {
    if (!(error instanceof DriverError) || error.code !== "PATH_REFUSED") throw error;
    return observe(file, "drifted", "", error.message);
  }
  if (folder === undefined) return observe(file, "missing", "", "its folder does not exist");
  await using opened = folder;
  try {
    return await inspectEntry(opened.entry(), file);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return observe(file, "missing", "", "");
    throw toDriverError(`looking at ${file.path}`, error);
  }
}

async function inspectEntry(entry: string, file: RenderedFile): Promise<FileObservation> {
  const found = await lstat(entry, { bigint: true });
  if (found.isSymbolicLink()) {
    const target = await readlink(entry);
    return observe(file, "drifted", "", `is a symbolic link to ${target}`);
  }
  if (!found.isFile()) {
    const what = found.isDirectory() ? "a folder" : "a device, pipe or socket";
    return observe(file, "drifted", "", `is ${what}`);
  }
  const reasons: string[] = [];
  const wanted = Buffer.from(file.content);
  let diff = "";
  if (found.size > BigInt(Math.max(DIFF_BYTES_MAX, wanted.length))) {
    reasons.push(`has ${found.size} bytes, wanted ${wanted.length}`);
  } else {
    const content = await readEntry(entry);
    if (!content.equals(wanted)) {
      const text = isUtf8(content) && !content.includes(0);
      reasons.push(text ? "content differs" : "content is not text");
      if (text) diff = unifiedDiff(file.content, content.toString("utf8"));
    }
  }
  reasons.push(...(await attributeReasons(found, file)));
  if (reasons.length === 0) return observe(file, "inSync", "", "");
  return observe(file, "drifted", diff, reasons.join("; "));
}

async function readEntry(entry: string): Promise<Buffer> {
  const handle = await open(entry, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

async function attributeReasons(found: BigIntStats, file: RenderedFile): Promise<string[]> {
  const reasons: string[] = [];
  const mode = (Number(found.mode) & 0o7777).toString(8).padStart(4, "0");
  if (mode !== file.mode) reasons.push(`mode is ${mode}, wanted ${file.mode}`);
  if (file.owner !== undefined && Number(found.uid) !== (await findUser(file.owner))) {
    reasons.push(`owner is ${found.uid}, wanted ${file.owner}`);
  }
  if (file.group !== undefined && Number(found.gid) !== (await findGroup(file.group))) {
    reasons.push(`group is ${found.gid}, wanted ${file.group}`);
  }
  return reasons;
}

function observe(
  file: RenderedFile,
  status: FileObservation["status"],
  diff: string,
  reason: string,
): FileObservation {
  return { path: file.path, digest: file.digest, status, diff, reason };
}
