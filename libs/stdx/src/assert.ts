/**
 * Assertions that stay on in production.
 *
 * A failed assertion is a bug of ours: the process stops rather than go on with a broken
 * invariant. Bad input is never checked here; it gets a rejection or an error that says what is
 * allowed. Called by every package.
 */

/** A broken invariant. Never caught to continue; a service that sees one ends. */
export class Bug extends Error {
  override name = "Bug";
}

/** Throws {@link Bug} with `message` unless `condition` holds. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Bug(message);
}

/** Marks a place no value reaches; the compiler proves it, this says so at run time. */
export function unreachable(value: never, what: string): never {
  throw new Bug(`unreachable ${what}: ${JSON.stringify(value)}`);
}

/** Asserts that a term, index, generation or counter is an integer in [0, 2^53). */
export function assertCounter(value: number, what: string): void {
  assert(Number.isSafeInteger(value) && value >= 0, `${what} must be a counter, got ${value}`);
}
