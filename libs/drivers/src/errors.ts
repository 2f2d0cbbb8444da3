/**
 * What can go wrong in a driver, each with a stable code.
 *
 * Operational errors: thrown by a driver, turned into the reason of a failed action by the agent.
 * None of them is retried here; whether to try again is the planner's decision.
 */

export type DriverErrorCode =
  /** The path leads out of the root folder, or names a folder or device. */
  | "PATH_REFUSED"
  /** No user or group of that name. */
  | "ACCOUNT_UNKNOWN"
  /** The operating system refused: rights. */
  | "NOT_PERMITTED"
  /** The disk refused: full, read-only, broken. */
  | "STORAGE_FAILED"
  /** The service manager refused or did not answer. */
  | "MANAGER_FAILED";

export class DriverError extends Error {
  override name = "DriverError";
  readonly code: DriverErrorCode;
  readonly retryable: boolean;

  constructor(code: DriverErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = code === "STORAGE_FAILED" || code === "MANAGER_FAILED";
  }
}

/** The operating system's code of an error (`ENOENT`), or empty text. */
export function systemCode(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : "";
}

/** A file system error as a {@link DriverError} that says what was tried. */
export function toDriverError(what: string, error: unknown): DriverError {
  if (error instanceof DriverError) return error;
  const code = systemCode(error);
  if (code === "EACCES" || code === "EPERM") {
    return new DriverError("NOT_PERMITTED", `${what}: not permitted (${code})`, { cause: error });
  }
  const detail = code === "" ? String(error) : code;
  return new DriverError("STORAGE_FAILED", `${what}: ${detail}`, { cause: error });
}
