/**
 * Bytes that are not what they should be, or that a later release wrote.
 *
 * Thrown while decoding the log and snapshots, where it means that the store is damaged or that
 * this release is too old: the process must not go on. For messages from outside it is caught in
 * `attempt` and becomes a value.
 */
export class DecodeError extends Error {
  override name = "DecodeError";
  readonly code = "UNDECODABLE";
  readonly retryable = false;

  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
  }
}

/** Throws {@link DecodeError} unless `value` is there. */
export function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new DecodeError(`${what} is missing`);
  return value;
}
