/**
 * What a call to a replica is refused with: a status of gRPC and words for whoever called.
 *
 * Thrown or given to the call as it is; never carries a cause out of the process.
 */
import { status as GrpcStatus } from "@grpc/grpc-js";

export interface Refusal extends Error {
  readonly code: number;
  readonly details: string;
}

export function refusal(
  details: string,
  code: GrpcStatus = GrpcStatus.FAILED_PRECONDITION,
): Refusal {
  return Object.assign(new Error(details), { code, details });
}
