/**
 * What the adapter needs of a log, and the one way in which it ends on a bug.
 *
 * The NATS client swallows what a message callback throws and stops reading, for good and in
 * silence. So every callback runs under `guarded`, which lets the process end instead.
 */

export interface BusLog {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
}

/** Runs `work`; what it throws becomes an uncaught exception outside the caller's reach. */
export function guarded(work: () => void): void {
  try {
    work();
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
  }
}

/** The messages of an error and its causes in one line. */
export function describeError(error: unknown): string {
  const words: string[] = [];
  let at: unknown = error;
  while (at instanceof Error && words.length < 4) {
    if (!words.includes(at.message)) words.push(at.message);
    at = at.cause;
  }
  return words.length === 0 ? String(error) : words.join(": ");
}
