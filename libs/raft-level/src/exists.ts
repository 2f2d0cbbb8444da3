/**
 * Whether there is a file or a folder of a name.
 *
 * A disk that cannot tell is an error, never a no. Used wherever a log's folder is opened or named.
 */
import { stat } from "node:fs/promises";

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
