/**
 * Why a command did not do what was asked, with what to do next.
 *
 * Commands throw it; `app.ts` prints it and ends with its exit status. What comes from the
 * gateway is turned into one here, with every field violation. No command prints an error by
 * itself.
 */
import { status as GrpcStatus } from "@grpc/grpc-js";
import { fromServiceError, type DecodedStatus } from "@atoll/service-kit";
import { EXIT_STATUS, type ExitStatus } from "./exit-status.ts";

export interface FailureDetails {
  readonly exitStatus: ExitStatus;
  /** One thing each, for example `web.yaml:12: services[0].after: no such service`. */
  readonly violations?: readonly string[];
  /** What to do about it, one sentence each. */
  readonly hints?: readonly string[];
  readonly cause?: unknown;
}

export class CommandError extends Error {
  override name = "CommandError";
  readonly code = "COMMAND_FAILED";
  readonly retryable = false;
  readonly exitStatus: ExitStatus;
  readonly violations: readonly string[];
  readonly hints: readonly string[];

  constructor(message: string, details: FailureDetails) {
    super(message, { cause: details.cause });
    this.exitStatus = details.exitStatus;
    this.violations = details.violations ?? [];
    this.hints = details.hints ?? [];
  }
}

/**
 * The gateway's no, or its silence. Keeps the status, for callers that know what to do about
 * some.
 */
export class GatewayError extends CommandError {
  override name = "GatewayError";
  readonly status: DecodedStatus;

  constructor(error: unknown, address: string) {
    const status = fromServiceError(error);
    super(statusMessage(status, address), {
      exitStatus: exitStatusOf(status.code),
      violations: status.violations.map(violationLine),
      hints: statusHints(status),
      cause: error,
    });
    this.status = status;
  }
}

export function usageError(message: string, ...hints: readonly string[]): CommandError {
  return new CommandError(message, { exitStatus: EXIT_STATUS.usage, hints });
}

/** True for an answer that another attempt may not get. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof GatewayError)) return false;
  const code = error.status.code;
  return (
    code === GrpcStatus.UNAVAILABLE || code === GrpcStatus.INTERNAL || code === GrpcStatus.CANCELLED
  );
}

export function hasStatus(error: unknown, code: number): error is GatewayError {
  return error instanceof GatewayError && error.status.code === code;
}

function exitStatusOf(code: number): ExitStatus {
  switch (code) {
    case GrpcStatus.INVALID_ARGUMENT:
    case GrpcStatus.OUT_OF_RANGE:
      return EXIT_STATUS.usage;
    case GrpcStatus.NOT_FOUND:
      return EXIT_STATUS.notFound;
    case GrpcStatus.UNAVAILABLE:
      return EXIT_STATUS.unavailable;
    case GrpcStatus.DEADLINE_EXCEEDED:
      return EXIT_STATUS.timeout;
    default:
      return EXIT_STATUS.error;
  }
}

function statusMessage(status: DecodedStatus, address: string): string {
  if (isConnectionFailure(status)) {
    const detail = status.message.replace(/\s*Resolution note:\s*$/, "");
    return `no gateway answers at ${address}: ${detail}`;
  }
  return status.message === "" ? `the gateway answered ${GrpcStatus[status.code]}` : status.message;
}

function statusHints(status: DecodedStatus): string[] {
  if (isConnectionFailure(status)) {
    return [
      "name another gateway with --gateway or ATOLL_GATEWAY",
      "a lab on this machine is started by `npm start`; `.atoll/lab.json` says its ports",
    ];
  }
  if (status.code === GrpcStatus.DEADLINE_EXCEEDED) {
    return ["allow more time with --timeout, or ask `atoll dc show` whether a leader is there"];
  }
  return [];
}

/** The status comes from this side of the connection: nothing was there to give another. */
function isConnectionFailure(status: DecodedStatus): boolean {
  return status.code === GrpcStatus.UNAVAILABLE && status.reason === "";
}

function violationLine(violation: DecodedStatus["violations"][number]): string {
  return violation.field === ""
    ? violation.description
    : `${violation.field}: ${violation.description}`;
}
