/**
 * An error as plain data, with its causes and the errors that it stands for.
 *
 * For logs only: the result may hold stacks and names of files, and never goes to a caller.
 */

export interface ErrorDescription {
  readonly name: string;
  readonly message: string;
  readonly code?: string | number;
  readonly stack?: string;
  readonly cause?: ErrorDescription;
  /** All of an `AggregateError`; of a `SuppressedError` the later one and the one it hid. */
  readonly errors?: readonly ErrorDescription[];
}

/** Errors in one description; what is left out is the deepest and the last. */
const DESCRIBED_MAX = 16;

/** Describes `thrown`, whatever it is; the stack of the first error only. */
export function describeError(thrown: unknown): ErrorDescription {
  const { stack } = thrown instanceof Error ? thrown : {};
  const { name, message, ...rest } = describe(thrown, { left: DESCRIBED_MAX });
  return { name, message, ...(stack === undefined ? {} : { stack }), ...rest };
}

function describe(thrown: unknown, budget: { left: number }): ErrorDescription {
  budget.left -= 1;
  if (!(thrown instanceof Error)) return { name: typeof thrown, message: String(thrown) };
  const { name, message, cause } = thrown;
  const { code } = thrown as { code?: unknown };
  const errors: ErrorDescription[] = [];
  for (const each of errorsOf(thrown)) if (budget.left > 0) errors.push(describe(each, budget));
  return {
    name,
    message,
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    ...(cause !== undefined && budget.left > 0 ? { cause: describe(cause, budget) } : {}),
    ...(errors.length > 0 ? { errors } : {}),
  };
}

function errorsOf(thrown: Error): readonly unknown[] {
  if (thrown instanceof AggregateError) return thrown.errors;
  return thrown instanceof SuppressedError ? [thrown.error, thrown.suppressed] : [];
}
