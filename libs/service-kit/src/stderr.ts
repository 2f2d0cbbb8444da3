/**
 * Stderr that nobody need read.
 *
 * A pipe takes some 64 KiB; after that a plain write waits for a reader, and whoever waits with it
 * stands still: the loop, or a thread that the process then waits for at its end. So a pipe or
 * socket is told first not to wait. Called by the log and by what speaks last in a process.
 */
import { fstatSync, writeSync } from "node:fs";

export const STDERR = 2;

const PAUSE_MS = 10;

/** From now on writes to stderr return at once, whoever reads it. */
export function unblockStderr(): void {
  try {
    const kind = fstatSync(STDERR);
    // To make the stream makes the descriptor non-blocking; the process gets it back at its end.
    if (kind.isFIFO() || kind.isSocket()) void process.stderr;
  } catch {
    // It is closed.
  }
}

/** Writes `text` now, and gives up on what is not taken within `msMax`. Throws nothing. */
export function writeNow(fd: number, text: string | Uint8Array, msMax: number): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  let rest: Uint8Array = Buffer.from(text);
  let waitedMs = 0;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN" || waitedMs >= msMax) return;
      Atomics.wait(pause, 0, 0, PAUSE_MS);
      waitedMs += PAUSE_MS;
    }
  }
}
