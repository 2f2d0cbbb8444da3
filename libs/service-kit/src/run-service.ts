/**
 * The life of a process: from start to a clean end.
 *
 * SIGINT and SIGTERM abort the signal that `main` is given; a second one ends the process at once.
 * A `main` that throws the abort itself, as waits with that signal do, has ended as asked.
 * Whatever `main` or anything in the background throws is written to stderr with its causes and
 * ends the process with status 1: a broken invariant is never survived. Called by each `main.ts`.
 */
import { describeError } from "./describe-error.ts";
import { ConfigError } from "./operational-error.ts";
import { STDERR, unblockStderr, writeNow } from "./stderr.ts";

const EXIT_STATUS_FAILURE = 1;
const EXIT_STATUS_FORCED = 130;
const SHUTDOWN_MS_MAX = 10_000;
const LAST_LINE_MS_MAX = 500;

/** Resolves when `main` has ended; sets `process.exitCode`. */
export async function runService(main: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  let grace: NodeJS.Timeout | undefined;
  function stop(name: NodeJS.Signals): void {
    if (controller.signal.aborted) process.exit(EXIT_STATUS_FORCED);
    controller.abort(name);
    grace = setTimeout(() => {
      write("fatal", `not stopped ${SHUTDOWN_MS_MAX} ms after ${name}: ending by force`);
      process.exit(EXIT_STATUS_FAILURE);
    }, SHUTDOWN_MS_MAX);
    grace.unref();
  }
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  process.on("uncaughtException", (error) => die("uncaught exception", error));
  process.on("unhandledRejection", (error) => die("unhandled rejection", error));
  try {
    await main(controller.signal);
    process.exitCode = 0;
  } catch (error) {
    const asked = isAbortBy(controller.signal, error);
    if (!asked) report(error);
    process.exitCode = asked ? 0 : EXIT_STATUS_FAILURE;
  } finally {
    clearTimeout(grace);
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}

/** Resolves once `signal` is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** An `AbortError` names the reason of its signal as its cause. */
function isAbortBy(signal: AbortSignal, error: unknown): boolean {
  if (!signal.aborted || !(error instanceof Error)) return false;
  return error.name === "AbortError" && error.cause === signal.reason;
}

function report(error: unknown): void {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) write("fatal", problem);
  } else {
    write("fatal", "the service failed", error);
  }
}

function die(what: string, error: unknown): never {
  write("fatal", what, error);
  process.exit(EXIT_STATUS_FAILURE);
}

function write(level: string, message: string, error?: unknown): void {
  const described = error === undefined ? {} : { error: describeError(error) };
  const line = { level, time: new Date().toISOString(), pid: process.pid, message, ...described };
  // Where nobody reads it the exit status says it alone.
  unblockStderr();
  writeNow(STDERR, `${JSON.stringify(line)}\n`, LAST_LINE_MS_MAX);
}
