/**
 * An error as plain data, with its chain of causes.
 *
 * For logs only: the result may hold stacks and names of files, and never goes to a caller.
 */

export interface ErrorDescription {
  readonly name: string;
  readonly message: string;
  readonly code?: string | number;
  readonly stack?: string;
  readonly cause?: ErrorDescription;
}

const CAUSES_MAX = 8;

/** Describes `thrown`, whatever it is; the stack of the first error only. */
export function describeError(thrown: unknown): ErrorDescription {
  return describe(thrown, 0);
}

function describe(thrown: unknown, depth: number): ErrorDescription {
  if (!(thrown instanceof Error)) return { name: typeof thrown, message: String(thrown) };
  const { code } = thrown as { code?: unknown };
  return {
    name: thrown.name,
    message: thrown.message,
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    ...(depth === 0 && thrown.stack !== undefined ? { stack: thrown.stack } : {}),
    ...(thrown.cause !== undefined && depth < CAUSES_MAX
      ? { cause: describe(thrown.cause, depth + 1) }
      : {}),
  };
}
