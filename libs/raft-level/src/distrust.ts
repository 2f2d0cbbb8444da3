/**
 * A note in the folder of a log that it must not be trusted.
 *
 * Some losses only a leader can see: a whole folder that was replaced by an older copy of itself
 * fits itself in every way. Whoever is told of such a loss leaves this note, and opening then finds
 * damage. The note goes with the folder when that is put aside.
 */
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { LogDamagedError } from "./errors.ts";
import { syncFolder } from "./sync-folder.ts";

const NAME = "distrusted";

/** Makes the note durable. `reason` is a sentence without its end. */
export async function distrustLog(folder: string, reason: string): Promise<void> {
  const file = await open(join(folder, NAME), "w");
  try {
    await file.writeFile(reason);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncFolder(folder);
}

/** @throws LogDamagedError when there is a note, whatever it says. */
export async function refuseDistrusted(folder: string): Promise<void> {
  let reason: string;
  try {
    reason = await readFile(join(folder, NAME), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  throw new LogDamagedError("the end of the log", reason);
}
