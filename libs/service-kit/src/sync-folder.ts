/**
 * Makes the names in a folder durable.
 *
 * A file that was synced can still lose its name: that is the folder's content, and the folder is
 * synced by itself. Called after a file got its name.
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
