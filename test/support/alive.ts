/** Whether a process runs: it is there and is no corpse. For the story, chaos and e2e tests. */
import { readFileSync } from "node:fs";

export function isAlive(pid: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !text.slice(text.lastIndexOf(")")).startsWith(") Z");
  } catch {
    return false;
  }
}
