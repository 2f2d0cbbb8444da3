/**
 * Ends a repair that a crash cut off, before anything else is done with the log's folder.
 *
 * Between the last two steps of a repair there is no log under its name, and a start must take the
 * finished one: this comes before anything that asks whether there is a log. A finished log takes
 * the place of one that was put aside for it; beside a log it counts for nothing and goes, as does
 * all that was begun. Called by `LevelLogStore.open`, by `repairLog` as its last step, and by
 * whoever asks for the folder before it is opened (docs/adr/0012).
 */
import { rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { exists } from "./exists.ts";
import { namesBeside } from "./log-folder.ts";
import { syncFolder } from "./sync-folder.ts";

/** @throws the error of the file system. */
export async function finishRepair(folder: string): Promise<void> {
  const { writing, finished, metaCopy } = namesBeside(folder);
  for (const begun of [writing, metaCopy]) await rm(begun, { recursive: true, force: true });
  if (await exists(folder)) {
    await rm(finished, { recursive: true, force: true });
    return;
  }
  if (!(await exists(finished))) return;
  await rename(finished, folder);
  await syncFolder(dirname(folder));
}
