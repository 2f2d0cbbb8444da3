/**
 * Asks one orchestrator replica how it stands, once.
 *
 * For programs that ask around before there is a group to speak with; that nobody answers is no
 * failure there. Called by a replica with an empty folder and by `atoll group restore`.
 */
import {
  type GetStatusResponse,
  OrchestratorServiceClient,
} from "@atoll/proto/atoll/replica/v1/orchestrator";
import { Metadata, type ServiceError } from "@grpc/grpc-js";
import { CHANNEL_OPTIONS, channelCredentials } from "./channel.ts";
import type { Transport } from "./transport.ts";

/** Undefined when there is no answer within `msMax`. `address` is host:port. */
export function askStatus(
  address: string,
  transport: Transport,
  msMax: number,
): Promise<GetStatusResponse | undefined> {
  const credentials = channelCredentials(transport);
  const client = new OrchestratorServiceClient(address, credentials, CHANNEL_OPTIONS);
  return new Promise((resolve) => {
    const options = { deadline: Date.now() + msMax };
    client.getStatus(
      {},
      new Metadata(),
      options,
      (error: ServiceError | null, status: GetStatusResponse) => {
        client.close();
        resolve(error === null ? status : undefined);
      },
    );
  });
}
