/**
 * Waiting for a state, with a deadline; only tests use it.
 */
const DEADLINE_MS = 15_000;
const LOOK_MS = 5;

/** Resolves as soon as `holds`; throws what it waited for when that does not happen. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  deadlineMs: number = DEADLINE_MS,
): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, LOOK_MS);
    });
  }
}
