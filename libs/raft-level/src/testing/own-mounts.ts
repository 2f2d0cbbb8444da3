/**
 * Runs a test file among mounts of its own, for tests that mount something.
 *
 * The kernel takes them away with the last process that sees them, however the test ends. Where
 * that is not allowed the file runs as it is, and can mount nothing.
 */
import { spawnSync } from "node:child_process";

const INSIDE = "ATOLL_TEST_OWN_MOUNTS";

/** To be called by the test file before it declares any test; `file` is its own path. */
export function enterOwnMounts(file: string): void {
  if (process.env[INSIDE] !== undefined) return;
  if (spawnSync("unshare", ["--mount", "true"]).status !== 0) return;
  const node = [process.execPath, ...process.execArgv, file];
  // Whoever ends this process ends that one too.
  const words = ["--pdeathsig", "KILL", "unshare", "--mount", ...node];
  const env = { ...process.env, [INSIDE]: "1" };
  const { status } = spawnSync("setpriv", words, { stdio: "inherit", env });
  process.exit(status ?? 1);
}
