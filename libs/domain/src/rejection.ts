/**
 * The domain's no: a value, returned by `decide`, never thrown.
 */

/** Maps one to one to gRPC codes at the edge. */
export type RejectionCode =
  | "invalidArgument"
  | "notFound"
  | "alreadyExists"
  | "failedPrecondition"
  | "aborted"
  | "resourceExhausted";

/**
 * One thing that is wrong, and where: `subject` names the role or field's owner, `path` the field
 * (`services[1].after[0]`).
 */
export interface Violation {
  readonly subject: string;
  readonly path: string;
  readonly reason: string;
}

export interface Rejection {
  readonly type: "rejected";
  readonly code: RejectionCode;
  /** A sentence for people that says what is allowed. */
  readonly reason: string;
  readonly violations: readonly Violation[];
}

export function rejected(
  code: RejectionCode,
  reason: string,
  violations: readonly Violation[] = [],
): Rejection {
  return { type: "rejected", code, reason, violations };
}
