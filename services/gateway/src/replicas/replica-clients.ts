/**
 * Connections to the orchestrator replicas of this datacenter.
 *
 * One channel each, shared by session, feed and status. Made by the composition root, which closes
 * them last.
 */
import {
  type GetStatusResponse,
  OrchestratorServiceClient,
} from "@atoll/proto/atoll/replica/v1/orchestrator";
import {
  type Address,
  CHANNEL_OPTIONS,
  channelCredentials,
  type Transport,
} from "@atoll/service-kit";
import { assert } from "@atoll/stdx";
import { Metadata, type ServiceError } from "@grpc/grpc-js";

export type StatusAnswer =
  | { readonly type: "answered"; readonly status: GetStatusResponse }
  | { readonly type: "silent"; readonly reason: string };

/** Feed frames hold what no unary message does. */
const FEED_MESSAGE_BYTES_MAX = 64 * 1_048_576;

export class ReplicaClients implements Disposable {
  /** In ascending order. */
  readonly ids: readonly number[];
  readonly #addresses: ReadonlyMap<number, Address>;
  readonly #clients: ReadonlyMap<number, OrchestratorServiceClient>;
  #closed = false;

  constructor(addresses: ReadonlyMap<number, Address>, transport: Transport) {
    this.#addresses = addresses;
    this.ids = [...addresses.keys()].toSorted((left, right) => left - right);
    const options = {
      ...CHANNEL_OPTIONS,
      "grpc.max_receive_message_length": FEED_MESSAGE_BYTES_MAX,
    };
    this.#clients = new Map(
      [...addresses].map(([id, { text }]) => [
        id,
        new OrchestratorServiceClient(text, channelCredentials(transport), options),
      ]),
    );
  }

  get majority(): number {
    return Math.floor(this.ids.length / 2) + 1;
  }

  has(id: number): boolean {
    return this.#clients.has(id);
  }

  client(id: number): OrchestratorServiceClient {
    const client = this.#clients.get(id);
    assert(client !== undefined, `no replica ${id}`);
    return client;
  }

  address(id: number): string {
    return this.#addresses.get(id)?.text ?? "";
  }

  /** The replica after `id`, round and round. */
  after(id: number): number {
    const at = this.ids.indexOf(id);
    return this.ids[(at + 1) % this.ids.length] as number;
  }

  /** Asks a replica how it is; always answers within `timeoutMs`. */
  status(id: number, timeoutMs: number): Promise<StatusAnswer> {
    if (this.#closed) return Promise.resolve({ type: "silent", reason: "the gateway stops" });
    return new Promise((resolve) => {
      const options = { deadline: Date.now() + timeoutMs };
      this.client(id).getStatus(
        {},
        new Metadata(),
        options,
        (error: ServiceError | null, status: GetStatusResponse) => {
          if (error === null) resolve({ type: "answered", status });
          else resolve({ type: "silent", reason: error.details });
        },
      );
    });
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const client of this.#clients.values()) client.close();
  }
}
