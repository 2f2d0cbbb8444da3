/**
 * Waiting for a state, with a deadline; for tests.
 */
import assert from "node:assert/strict";

const WAIT_MS = 30_000;

/** Looks until it holds. Fails after thirty seconds with what it waited for. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + WAIT_MS;
  while (!holds()) {
    assert.ok(performance.now() < deadlineMs, `not within ${WAIT_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
