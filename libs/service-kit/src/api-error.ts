/**
 * What a caller of an API is told when it gets no answer.
 *
 * Thrown by handlers at the RPC edge only; `toStatus` puts it on the wire. The message is a
 * sentence for people that says what is allowed; `reason` is stable and for programs. The cause is
 * logged and never leaves the process.
 */
import { status } from "@grpc/grpc-js";

/** One thing that is wrong with a request. */
export interface FieldViolation {
  /** The field's path, or `file:line` in a document. */
  readonly field: string;
  readonly description: string;
}

export interface ApiErrorOptions {
  /** Upper case with underscores, for example `PAGE_SIZE_OUT_OF_RANGE`. */
  readonly reason: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly violations?: readonly FieldViolation[];
  /** When trying again may help. */
  readonly retryDelayMs?: number;
  readonly cause?: unknown;
}

export class ApiError extends Error {
  override name = "ApiError";
  readonly code: status;
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];
  readonly retryDelayMs: number | undefined;

  constructor(code: status, message: string, options: ApiErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = options.reason;
    this.metadata = options.metadata ?? {};
    this.violations = options.violations ?? [];
    this.retryDelayMs = options.retryDelayMs;
  }
}

/** INVALID_ARGUMENT about one field. */
export function invalidField(
  field: string,
  description: string,
  reason = "INVALID_FIELD",
): ApiError {
  return new ApiError(status.INVALID_ARGUMENT, `${field}: ${description}`, {
    reason,
    violations: [{ field, description }],
  });
}
