/**
 * Calls of the API as promises, and streams as lists that can be waited upon. For tests only.
 */
import { ActionServiceClient } from "@atoll/proto/atoll/v1/action";
import { DatacenterServiceClient } from "@atoll/proto/atoll/v1/datacenter";
import { EventServiceClient } from "@atoll/proto/atoll/v1/event";
import { GroupServiceClient } from "@atoll/proto/atoll/v1/group";
import { NodeServiceClient } from "@atoll/proto/atoll/v1/node";
import { OperationServiceClient } from "@atoll/proto/atoll/v1/operation";
import { RoleServiceClient } from "@atoll/proto/atoll/v1/role";
import {
  CHANNEL_OPTIONS,
  channelCredentials,
  type DecodedStatus,
  fromServiceError,
} from "@atoll/service-kit";
import { type ClientReadableStream, Metadata, type ServiceError } from "@grpc/grpc-js";

type UnaryCall<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: { deadline?: number },
  callback: (error: ServiceError | null, response: Response) => void,
) => { on(event: "status", listener: (status: { metadata: Metadata }) => void): unknown };

export class FailedCallError extends Error {
  override name = "FailedCallError";
  readonly status: DecodedStatus;

  constructor(status: DecodedStatus) {
    super(`${status.code} ${status.reason}: ${status.message}`);
    this.status = status;
  }
}

export class ApiClient implements Disposable {
  readonly nodes: NodeServiceClient;
  readonly roles: RoleServiceClient;
  readonly actions: ActionServiceClient;
  readonly operations: OperationServiceClient;
  readonly events: EventServiceClient;
  readonly datacenters: DatacenterServiceClient;
  readonly groups: GroupServiceClient;

  constructor(port: number) {
    const address = `127.0.0.1:${port}`;
    const credentials = channelCredentials("insecure-for-lab");
    const options = {
      ...CHANNEL_OPTIONS,
      // A channel of its own, so that tests do not share connections.
      "grpc.use_local_subchannel_pool": 1,
      // Limits are the server's to keep.
      "grpc.max_send_message_length": -1,
    };
    this.nodes = new NodeServiceClient(address, credentials, options);
    this.roles = new RoleServiceClient(address, credentials, options);
    this.actions = new ActionServiceClient(address, credentials, options);
    this.operations = new OperationServiceClient(address, credentials, options);
    this.events = new EventServiceClient(address, credentials, options);
    this.datacenters = new DatacenterServiceClient(address, credentials, options);
    this.groups = new GroupServiceClient(address, credentials, options);
  }

  [Symbol.dispose](): void {
    for (const client of [this.nodes, this.roles, this.actions, this.groups]) client.close();
    for (const client of [this.operations, this.events, this.datacenters]) client.close();
  }
}

export interface Answer<Response> {
  readonly response: Response;
  readonly trailers: Metadata;
}

/** @throws FailedCallError. */
export function call<Client, Request, Response>(
  client: Client,
  method: UnaryCall<Request, Response>,
  request: Request,
  deadlineMs = 10_000,
  metadata: Metadata = new Metadata(),
): Promise<Answer<Response>> {
  return new Promise((resolve, reject) => {
    let response: Response | undefined;
    const options = { deadline: Date.now() + deadlineMs };
    const made = method.call(client, request, metadata, options, (error, answer) => {
      if (error !== null) reject(new FailedCallError(fromServiceError(error)));
      else response = answer;
    });
    made.on("status", ({ metadata }) => {
      if (response !== undefined) resolve({ response, trailers: metadata });
    });
  });
}

/** The status of a call that must fail. */
export async function failure(of: Promise<unknown>): Promise<DecodedStatus> {
  try {
    await of;
  } catch (error) {
    if (error instanceof FailedCallError) return error.status;
    throw error;
  }
  throw new Error("the call did not fail");
}

/** Collects what a stream brings. */
export class Collected<Message> implements Disposable {
  readonly messages: Message[] = [];
  status: DecodedStatus | undefined;
  ended = false;
  readonly #stream: ClientReadableStream<Message>;
  readonly #waiting = new Set<() => void>();

  constructor(stream: ClientReadableStream<Message>) {
    this.#stream = stream;
    stream.on("data", (message: Message) => {
      this.messages.push(message);
      this.#wake();
    });
    stream.on("error", (error) => {
      this.status = fromServiceError(error);
      this.#wake();
    });
    stream.on("end", () => {
      this.ended = true;
      this.#wake();
    });
  }

  /**
   * Resolves when `condition` holds; rejects with what came when it does not within `timeoutMs`.
   */
  async until(
    condition: (messages: readonly Message[]) => boolean,
    timeoutMs = 5_000,
  ): Promise<void> {
    await eventually(() => condition(this.messages), {
      timeoutMs,
      listen: (wake) => {
        this.#waiting.add(wake);
        return () => this.#waiting.delete(wake);
      },
      describe: () => JSON.stringify(this.messages).slice(0, 2_000),
    });
  }

  /** Waits for its end, in good order or not. */
  async over(timeoutMs = 5_000): Promise<void> {
    await this.until(() => this.ended || this.status !== undefined, timeoutMs);
  }

  [Symbol.dispose](): void {
    this.#stream.cancel();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}

/** Resolves once `condition` holds. */
export async function eventually(
  condition: () => boolean,
  options: {
    readonly timeoutMs?: number;
    readonly listen?: (wake: () => void) => () => void;
    readonly describe?: () => string;
  } = {},
): Promise<void> {
  const endMs = Date.now() + (options.timeoutMs ?? 5_000);
  while (!condition()) {
    if (Date.now() > endMs) throw new Error(`it did not happen: ${options.describe?.() ?? ""}`);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 10);
      const stop = options.listen?.(() => {
        clearTimeout(timer);
        stop?.();
        resolve();
      });
    });
  }
}
