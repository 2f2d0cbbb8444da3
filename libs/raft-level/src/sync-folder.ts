/**
 * Makes the names in a folder durable.
 *
 * A file that was synced can still lose its name, or come back under an older one: that is the
 * folder's content, and the folder is synced by itself. Used wherever the log makes, renames or
 * notes a file.
 */
import { open } from "node:fs/promises";

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
