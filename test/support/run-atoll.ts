/**
 * The command line as a user runs it, for end-to-end tests and the story: what it printed, or an
 * error with its exit status. One that does not end is killed.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { REPOSITORY_DIR } from "@atoll/lab";

const LIMIT_MS = 180_000;

export async function runAtoll(gateway: string, ...words: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(join(REPOSITORY_DIR, "bin/atoll"), [...words], {
    env: { ...process.env, ATOLL_GATEWAY: gateway, NO_COLOR: "1" },
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  return stdout;
}
