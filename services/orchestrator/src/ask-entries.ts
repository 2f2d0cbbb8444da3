/**
 * Asks one replica once for entries that a damaged log lacks.
 *
 * Why there is no answer is said in words that stay the same as long as the cause does, for they
 * are told when they change. Never tries again: that is up to whoever asks. Called by the repair
 * phase.
 */
import {
  type ReadEntriesRequest,
  type ReadEntriesResponse,
  RepairServiceClient,
} from "@atoll/proto/atoll/replica/v1/repair";
import { CHANNEL_OPTIONS, channelCredentials, type Transport } from "@atoll/service-kit";
import { Metadata, type ServiceError, status as GrpcStatus } from "@grpc/grpc-js";
import type { Asked } from "./log-repair.ts";

const ASK_MS_MAX = 1_000;
/** gRPC says when a connection failed. */
const TIMES = / \([0-9-]+T[0-9:.]+Z\)/g;

/** `address` is a `host:port`. Never rejects. */
export function askEntries(
  transport: Transport,
  address: string,
  request: ReadEntriesRequest,
): Promise<Asked> {
  const client = new RepairServiceClient(address, channelCredentials(transport), CHANNEL_OPTIONS);
  return new Promise((resolve) => {
    const options = { deadline: Date.now() + ASK_MS_MAX };
    client.readEntries(
      request,
      new Metadata(),
      options,
      (error: ServiceError | null, answer: ReadEntriesResponse) => {
        client.close();
        resolve(error === null ? answer : reasonOf(error));
      },
    );
  });
}

function reasonOf({ code, details }: ServiceError): string {
  // Its details say how long each part of the call took.
  if (code === GrpcStatus.DEADLINE_EXCEEDED) return "no answer";
  return details.replaceAll(TIMES, "");
}
