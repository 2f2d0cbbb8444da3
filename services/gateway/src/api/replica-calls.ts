/**
 * Unary calls to one replica, for what that one does itself: hand over leadership, take a snapshot.
 *
 * The replica's refusal is passed on as it is; its silence is UNAVAILABLE and names it.
 */
import type { OrchestratorServiceClient } from "@atoll/proto/atoll/replica/v1/orchestrator";
import { ApiError, systemClock } from "@atoll/service-kit";
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { ReplicaClients } from "../replicas/replica-clients.ts";

type Callback<Response> = (error: ServiceError | null, response: Response) => void;
type Ask<Response> = (
  client: OrchestratorServiceClient,
  metadata: Metadata,
  options: { readonly deadline: number },
  callback: Callback<Response>,
) => unknown;

const PASSED_ON: ReadonlySet<status> = new Set([
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.FAILED_PRECONDITION,
  status.ABORTED,
  status.RESOURCE_EXHAUSTED,
  status.DEADLINE_EXCEEDED,
]);

/** @param deadlineMs on the monotonic clock. @throws ApiError */
export function askReplica<Response>(
  clients: ReplicaClients,
  id: number,
  deadlineMs: number,
  ask: Ask<Response>,
): Promise<Response> {
  const deadline = Date.now() + Math.max(1, deadlineMs - systemClock.monotonicMs());
  return new Promise((resolve, reject) => {
    ask(clients.client(id), new Metadata(), { deadline }, (error, response) => {
      if (error === null) resolve(response);
      else reject(replicaError(id, error));
    });
  });
}

export function replicaError(id: number, error: ServiceError): ApiError {
  if (PASSED_ON.has(error.code)) {
    const reason = error.code === status.DEADLINE_EXCEEDED ? "NO_ANSWER" : "REPLICA_REFUSED";
    return new ApiError(error.code, `replica ${id}: ${error.details}`, { reason, cause: error });
  }
  return new ApiError(status.UNAVAILABLE, `replica ${id} cannot be asked: ${error.details}`, {
    reason: "REPLICA_UNREACHABLE",
    metadata: { replica: String(id) },
    cause: error,
  });
}
