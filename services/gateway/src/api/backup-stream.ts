/**
 * Passes a backup on from a replica to a caller, with the addresses that the log names.
 *
 * A slow caller slows the replica: no more piles up here than the buffers of the two streams take,
 * a few dozen chunks. A backup that breaks off has no trailer, which is how its reader knows. One
 * whose caller goes away ends quietly.
 */
import type {
  BackupResponse,
  OrchestratorServiceClient,
} from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { BackupGroupRequest, BackupGroupResponse } from "@atoll/proto/atoll/v1/group";
import { ApiError, written } from "@atoll/service-kit";
import { type ServerWritableStream, type ServiceError, status } from "@grpc/grpc-js";
import type { Mirror } from "../islands/mirror.ts";
import { timestampOf } from "./time.ts";

export async function streamBackup(parts: {
  readonly client: OrchestratorServiceClient;
  readonly mirror: Mirror;
  readonly stream: ServerWritableStream<BackupGroupRequest, BackupGroupResponse>;
}): Promise<void> {
  const { client, mirror, stream } = parts;
  const source = client.backup({});
  stream.on("cancelled", () => source.cancel());
  let whole = false;
  try {
    for await (const response of source as AsyncIterable<BackupResponse>) {
      const passed = toApi(response, mirror);
      if (passed === undefined) continue;
      whole = passed.content?.$case === "trailer";
      if (!(await written(stream, passed))) return;
    }
  } catch (error) {
    if (stream.cancelled) return;
    if (error instanceof ApiError) throw error;
    const { details } = error as ServiceError;
    throw new ApiError(status.UNAVAILABLE, `the backup broke off: ${details}`, {
      reason: "BACKUP_BROKEN_OFF",
      cause: error,
    });
  } finally {
    source.cancel();
  }
  if (whole) return;
  throw new ApiError(status.UNAVAILABLE, "the backup ended before it was whole", {
    reason: "BACKUP_BROKEN_OFF",
  });
}

function toApi({ content }: BackupResponse, mirror: Mirror): BackupGroupResponse | undefined {
  switch (content?.$case) {
    case "position": {
      const { datacenter, groupId, index, term, voters, learners, realtimeMs, version } =
        content.value;
      const addresses: Record<number, string> = {};
      for (const { id, address } of mirror.datacenter.groupReplicas()) addresses[id] = address;
      const createTime = timestampOf(realtimeMs);
      const position = { datacenter, groupId, index, term, voters, learners };
      return {
        content: { $case: "header", value: { ...position, addresses, createTime, version } },
      };
    }
    case "chunk":
      return { content: { $case: "chunk", value: content.value } };
    case "end":
      return { content: { $case: "trailer", value: content.value } };
    case undefined:
      return undefined;
  }
}
