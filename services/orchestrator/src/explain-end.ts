/**
 * Puts words for an operator around the error that ended a replica: which folder, what happened,
 * what to do next.
 *
 * The store knows the fault and not what it means to the group; here both are known. Every other
 * error is passed on as it is. Used by `main.ts`, whose last line it becomes.
 */
import { join } from "node:path";
import { LOG_FOLDER, OperationalError } from "@atoll/service-kit";

/** What the operating system says, and what a human does then. */
const NEXT_STEPS: ReadonlyMap<unknown, string> = new Map([
  ["ENOSPC", "make room on that disk, then start the replica again"],
  ["EDQUOT", "raise the quota, then start the replica again"],
  ["EACCES", "give the replica's user the folder, then start it again"],
  [
    "EROFS",
    "find in the kernel's log why the disk is read-only, mend that, then start the replica again",
  ],
]);
const NEXT_STEP =
  "look for errors of that disk in the kernel's log; start the replica again once the disk is " +
  "sound, on another disk with an empty folder if need be";
const CATCHES_UP = "it takes what it missed from the others";
const MENDS =
  "start the replica again: it repairs this log from the others, or puts it aside and rebuilds it";

/** What `main` is to throw for `error`; `dataDir` is the replica's folder. */
export function explainEnd(error: unknown, dataDir: string): unknown {
  const folder = join(dataDir, LOG_FOLDER);
  for (const cause of chainOf(error)) {
    const { code, message } = cause;
    if (code === "STORAGE_FAILED") {
      const step = NEXT_STEPS.get(systemCode(cause)) ?? NEXT_STEP;
      const text = `the log in ${folder} can not be used: ${message}. Next: ${step}; ${CATCHES_UP}`;
      return new OperationalError(text, { code, cause: error });
    }
    if (code === "LOG_DAMAGED" || code === "LOG_LOST") {
      const text = `the log in ${folder} is not to be trusted: ${message}. Next: ${MENDS}`;
      return new OperationalError(text, { code, cause: error });
    }
  }
  return error;
}

/** The innermost code that the system gave. */
function systemCode(error: Error): string | undefined {
  const codes = [...chainOf(error)].map(({ code }) => code);
  return codes.findLast((code) => code !== undefined);
}

/** The error, what caused it, and what it kept another from being seen. */
function* chainOf(error: unknown): Iterable<NodeJS.ErrnoException> {
  if (!(error instanceof Error)) return;
  yield error;
  if (error instanceof SuppressedError) yield* chainOf(error.suppressed);
  if (error instanceof AggregateError) for (const each of error.errors) yield* chainOf(each);
  yield* chainOf(error.cause);
}
