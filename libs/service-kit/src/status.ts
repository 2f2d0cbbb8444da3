/**
 * Errors to gRPC statuses and back: the one mapping.
 *
 * A status carries `google.rpc.Status` with ErrorInfo, BadRequest and RetryInfo in the trailer
 * `grpc-status-details-bin`, as gRPC clients everywhere read it. Whatever is not meant for callers
 * becomes INTERNAL without a word about its cause.
 */
import { BadRequest, ErrorInfo, RetryInfo } from "@atoll/proto/google/rpc/error_details";
import { Status } from "@atoll/proto/google/rpc/status";
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { ApiError, type FieldViolation } from "./api-error.ts";
import { OperationalError } from "./operational-error.ts";

/** What a client reads from a failed call. */
export interface DecodedStatus {
  readonly code: status;
  readonly message: string;
  /** Empty when the status did not come from Atoll. */
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];
  readonly retryDelayMs: number | undefined;
}

export const ERROR_DOMAIN = "atoll";

/** Trailers travel as headers, of which common clients take 8 KiB. */
const DETAILS_BYTES_MAX = 4_096;
const MESSAGE_LENGTH_MAX = 1_500;
const DETAILS_KEY = "grpc-status-details-bin";
const TYPE_PREFIX = "type.googleapis.com/google.rpc.";
const MS_PER_SECOND = 1_000;
const NANOS_PER_MS = 1_000_000;

/** The status for whatever a handler threw. */
export function toStatus(thrown: unknown): ServiceError {
  const error = asApiError(thrown);
  const message = shorten(error.message, MESSAGE_LENGTH_MAX);
  const metadata = new Metadata();
  metadata.set(DETAILS_KEY, encodeDetails(error, message));
  return Object.assign(new Error(message), { code: error.code, details: message, metadata });
}

/** What a failed call says, whoever answered it. */
export function fromServiceError(error: unknown): DecodedStatus {
  const failed = error as Partial<ServiceError>;
  const decoded = {
    code: typeof failed?.code === "number" ? failed.code : status.UNKNOWN,
    message: failed?.details ?? (error instanceof Error ? error.message : String(error)),
  };
  const [details] = failed?.metadata instanceof Metadata ? failed.metadata.get(DETAILS_KEY) : [];
  return { ...decoded, ...decodeDetails(details) };
}

function asApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof OperationalError && thrown.retryable) {
    return new ApiError(status.UNAVAILABLE, "the service cannot answer now: try again", {
      reason: "TEMPORARILY_UNAVAILABLE",
    });
  }
  return new ApiError(status.INTERNAL, "the service failed; its log says why", {
    reason: "INTERNAL",
  });
}

function encodeDetails(error: ApiError, message: string): Buffer {
  for (let kept = error.violations.length; ; kept = Math.floor(kept / 2)) {
    const bytes = Status.encode({
      code: error.code,
      message,
      details: detailsOf(error, kept),
    }).finish();
    if (bytes.length <= DETAILS_BYTES_MAX || kept === 0) return Buffer.from(bytes);
  }
}

function detailsOf(error: ApiError, violationCount: number): { typeUrl: string; value: Buffer }[] {
  const details = [
    pack(
      "ErrorInfo",
      ErrorInfo.encode({
        reason: error.reason,
        domain: ERROR_DOMAIN,
        metadata: { ...error.metadata },
      }).finish(),
    ),
  ];
  if (error.violations.length > 0) {
    const fieldViolations = error.violations.slice(0, violationCount).map((violation) => ({
      field: violation.field,
      description: shorten(violation.description, MESSAGE_LENGTH_MAX),
      reason: "",
    }));
    const missing = error.violations.length - violationCount;
    if (missing > 0) {
      fieldViolations.push({ field: "", description: `and ${missing} more`, reason: "" });
    }
    details.push(pack("BadRequest", BadRequest.encode({ fieldViolations }).finish()));
  }
  if (error.retryDelayMs !== undefined) {
    const seconds = Math.floor(error.retryDelayMs / MS_PER_SECOND);
    const nanos = Math.round((error.retryDelayMs % MS_PER_SECOND) * NANOS_PER_MS);
    details.push(pack("RetryInfo", RetryInfo.encode({ retryDelay: { seconds, nanos } }).finish()));
  }
  return details;
}

function pack(type: string, bytes: Uint8Array): { typeUrl: string; value: Buffer } {
  return { typeUrl: `${TYPE_PREFIX}${type}`, value: Buffer.from(bytes) };
}

function decodeDetails(details: unknown): Omit<DecodedStatus, "code" | "message"> {
  const decoded = {
    reason: "",
    metadata: {} as Readonly<Record<string, string>>,
    violations: [] as FieldViolation[],
    retryDelayMs: undefined as number | undefined,
  };
  if (!Buffer.isBuffer(details)) return decoded;
  try {
    for (const { typeUrl, value } of Status.decode(details).details) {
      if (typeUrl === `${TYPE_PREFIX}ErrorInfo`) {
        const info = ErrorInfo.decode(value);
        decoded.reason = info.reason;
        decoded.metadata = info.metadata;
      } else if (typeUrl === `${TYPE_PREFIX}BadRequest`) {
        for (const { field, description } of BadRequest.decode(value).fieldViolations) {
          decoded.violations.push({ field, description });
        }
      } else if (typeUrl === `${TYPE_PREFIX}RetryInfo`) {
        const delay = RetryInfo.decode(value).retryDelay;
        if (delay !== undefined) {
          decoded.retryDelayMs = delay.seconds * MS_PER_SECOND + delay.nanos / NANOS_PER_MS;
        }
      }
    }
  } catch {
    // Details that cannot be read are as good as none; code and message stand.
  }
  return decoded;
}

function shorten(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax)}…`;
}
