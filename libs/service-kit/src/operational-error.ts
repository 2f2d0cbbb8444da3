/**
 * What can go wrong outside the program: disks, sockets, foreign programs, settings.
 *
 * Subclasses end in `Error` and fix their `code`. They are thrown, carry their cause, and say
 * whether trying again may help. Never used for broken invariants (`Bug`) nor for the domain's no
 * (`Rejection`).
 */

export interface OperationalErrorOptions {
  /** Stable, for programs: lower camel case. */
  readonly code: string;
  /** Default false. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

export class OperationalError extends Error {
  override name = "OperationalError";
  readonly code: string;
  readonly retryable: boolean;

  constructor(message: string, options: OperationalErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.retryable = options.retryable ?? false;
  }
}

/** The settings of the process make no sense; says for each problem what is allowed. */
export class ConfigError extends OperationalError {
  override name = "ConfigError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("; "), { code: "badConfiguration" });
    this.problems = problems;
  }
}
