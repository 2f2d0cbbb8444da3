/**
 * Connections to the orchestrator replicas of this datacenter.
 *
 * One channel each, shared by session, feed and status. Which there are follows the log. Made by
 * the composition root, which closes them last.
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

/** How long a picture of the group waits for a replica. */
const STATUS_MS_MAX = 500;
/** Feed frames hold what no unary message does. */
const FEED_MESSAGE_BYTES_MAX = 64 * 1_048_576;
const CLIENT_OPTIONS = {
  ...CHANNEL_OPTIONS,
  "grpc.max_receive_message_length": FEED_MESSAGE_BYTES_MAX,
};

export class ReplicaClients implements Disposable {
  readonly #transport: Transport;
  readonly #replicas = new Map<number, { address: string; client: OrchestratorServiceClient }>();
  #ids: readonly number[] = [];
  #closed = false;

  constructor(addresses: ReadonlyMap<number, Address>, transport: Transport) {
    this.#transport = transport;
    this.setAddresses(new Map([...addresses].map(([id, { text }]) => [id, text])));
  }

  /** In ascending order. */
  get ids(): readonly number[] {
    return this.#ids;
  }

  /**
   * From now on there are these, by id as `host:port`. Connections to the others, and to those that
   * have moved, end.
   */
  setAddresses(addresses: ReadonlyMap<number, string>): void {
    assert(addresses.size > 0, "there must be a replica to ask");
    if (this.#closed) return;
    for (const [id, { address, client }] of this.#replicas) {
      if (addresses.get(id) === address) continue;
      client.close();
      this.#replicas.delete(id);
    }
    for (const [id, address] of addresses) {
      if (this.#replicas.has(id)) continue;
      const client = new OrchestratorServiceClient(
        address,
        channelCredentials(this.#transport),
        CLIENT_OPTIONS,
      );
      this.#replicas.set(id, { address, client });
    }
    this.#ids = [...addresses.keys()].toSorted((left, right) => left - right);
  }

  get majority(): number {
    return Math.floor(this.ids.length / 2) + 1;
  }

  has(id: number): boolean {
    return this.#replicas.has(id);
  }

  client(id: number): OrchestratorServiceClient {
    const replica = this.#replicas.get(id);
    assert(replica !== undefined, `no replica ${id}`);
    return replica.client;
  }

  address(id: number): string {
    return this.#replicas.get(id)?.address ?? "";
  }

  /** The replica after `id`, round and round. */
  after(id: number): number {
    const at = this.ids.indexOf(id);
    return this.ids[(at + 1) % this.ids.length] as number;
  }

  /** Asks all replicas at once how they are; answers within half a second, by ascending id. */
  async statuses(): Promise<ReadonlyMap<number, StatusAnswer>> {
    const asked = this.ids.map(async (id) => [id, await this.status(id)] as const);
    return new Map(await Promise.all(asked));
  }

  /** Asks a replica how it is; always answers within `timeoutMs`, by default half a second. */
  status(id: number, timeoutMs: number = STATUS_MS_MAX): Promise<StatusAnswer> {
    if (this.#closed) return Promise.resolve({ type: "silent", reason: "the gateway stops" });
    if (!this.has(id)) return Promise.resolve({ type: "silent", reason: "it is not known here" });
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
    for (const { client } of this.#replicas.values()) client.close();
  }
}
