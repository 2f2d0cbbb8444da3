/**
 * From what the orchestrator answered to what the caller is told.
 */
import type { Violation } from "@atoll/proto/atoll/replica/v1/orchestrator";
import { ApiError, type FieldViolation } from "@atoll/service-kit";
import { status } from "@grpc/grpc-js";
import type { CallOutcome } from "../islands/caller.ts";
import type { Contact } from "../islands/contact.ts";

type Rejected = Extract<CallOutcome, { type: "rejected" }>;

interface Mapped {
  readonly code: status;
  readonly reason: string;
}

const RETRY_DELAY_MS = 250;

const CODES: ReadonlyMap<string, Mapped> = new Map([
  ["invalidArgument", { code: status.INVALID_ARGUMENT, reason: "INVALID_ARGUMENT" }],
  ["notFound", { code: status.NOT_FOUND, reason: "NOT_FOUND" }],
  ["alreadyExists", { code: status.ALREADY_EXISTS, reason: "ALREADY_EXISTS" }],
  ["failedPrecondition", { code: status.FAILED_PRECONDITION, reason: "FAILED_PRECONDITION" }],
  ["aborted", { code: status.ABORTED, reason: "CONFLICT" }],
  ["resourceExhausted", { code: status.RESOURCE_EXHAUSTED, reason: "LIMIT_REACHED" }],
]);

/**
 * The domain's no. `locate` says where a violation is in what the caller sent; default subject and
 * path.
 */
export function rejectionError(
  rejection: Rejected,
  locate: (violation: Violation) => FieldViolation = placeOf,
): ApiError {
  const { code, reason } = CODES.get(rejection.code) ?? {
    code: status.UNKNOWN,
    reason: "REJECTED",
  };
  return new ApiError(code, rejection.reason, {
    reason,
    violations: rejection.violations.map(locate),
  });
}

export interface FailureContext {
  readonly datacenter: string;
  readonly requestId: string;
  readonly contact: Contact;
}

/** Why a call has no answer. Never called with an answer. */
export function failureError(
  outcome: Extract<CallOutcome, { type: "failed" | "unreachable" | "refused" }>,
  { datacenter, requestId, contact }: FailureContext,
): ApiError {
  if (outcome.type === "refused") {
    return new ApiError(status.RESOURCE_EXHAUSTED, outcome.reason, {
      reason: "OVERLOADED",
      retryDelayMs: RETRY_DELAY_MS,
    });
  }
  if (outcome.uncertain) {
    return new ApiError(
      status.DEADLINE_EXCEEDED,
      `datacenter ${datacenter} did not answer in time (${outcome.account}); ` +
        `whether it was done is not known: repeat it with request_id ${requestId}, it is done once`,
      {
        reason: "OUTCOME_UNKNOWN",
        metadata: { datacenter, request_id: requestId, ...contact.metadata },
      },
    );
  }
  const metadata = { datacenter, ...contact.metadata };
  if (outcome.type === "unreachable") {
    return new ApiError(
      status.UNAVAILABLE,
      `datacenter ${datacenter} cannot be reached (${outcome.account}); nothing was done; ` +
        contact.text,
      { reason: "DATACENTER_UNREACHABLE", metadata, retryDelayMs: RETRY_DELAY_MS },
    );
  }
  return new ApiError(
    status.UNAVAILABLE,
    `datacenter ${datacenter} cannot decide now (${outcome.account}); nothing was done`,
    { reason: "NO_LEADER", metadata, retryDelayMs: RETRY_DELAY_MS },
  );
}

function placeOf({ subject, path, reason }: Violation): FieldViolation {
  const field = [subject, path].filter((part) => part !== "").join(": ");
  return { field, description: reason };
}
