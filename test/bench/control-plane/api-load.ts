/**
 * Calls of the public API, unary, a bounded number in flight, as people's scripts make them.
 */
import { Node, NodeServiceClient, UpdateNodeRequest } from "@atoll/proto/atoll/v1/node";
import { HealthCheckRequest, HealthClient } from "@atoll/proto/grpc/health/v1/health";
import { channelCredentials } from "@atoll/service-kit";
import type { ServiceError } from "@grpc/grpc-js";
import { Histogram } from "@atoll/stdx";

export interface CallsResult {
  readonly inFlight: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** One call; `number` counts the calls, so that no two need be alike. */
type Call = (number: number) => Promise<void>;

export interface Callers {
  readonly call: Call;
  readonly close: () => void;
}

const CONNECTIONS = 4;

/** Makes one call after another, `inFlight` at a time. Any that fails fails the measurement. */
export async function measureCalls(options: {
  readonly callers: Callers;
  readonly inFlight: number;
  readonly seconds: number;
}): Promise<CallsResult> {
  const { callers, inFlight, seconds } = options;
  const histogram = new Histogram();
  const endMs = performance.now() + seconds * 1_000;
  let made = 0;
  async function caller(): Promise<void> {
    while (performance.now() < endMs) {
      made += 1;
      const fromMs = performance.now();
      await callers.call(made);
      histogram.record(performance.now() - fromMs);
    }
  }
  await Promise.all(Array.from({ length: inFlight }, () => caller()));
  return {
    inFlight,
    perSecond: histogram.count / seconds,
    p50Ms: histogram.quantileMs(0.5),
    p99Ms: histogram.quantileMs(0.99),
    maxMs: histogram.maxMs,
  };
}

/** Each call sets a label of one of `nodes` and is confirmed when it is committed. */
export function labelWriters(options: {
  readonly gateway: string;
  readonly datacenter: string;
  readonly nodes: readonly string[];
}): Callers {
  const { gateway, datacenter, nodes } = options;
  return over(
    (place) =>
      new NodeServiceClient(gateway, channelCredentials("insecure-for-lab"), {
        "bench.connection": place,
      }),
    (client, number, done) => {
      const name = `datacenters/${datacenter}/nodes/${nodes[number % nodes.length] ?? ""}`;
      const updateMask: string[] = ["labels"];
      const node = Node.fromPartial({ name, labels: { value: `v${number}` } });
      client.updateNode({ ...UpdateNodeRequest.fromPartial({}), node, updateMask }, done);
    },
  );
}

/** Each call asks the gateway whether it is healthy: what gRPC alone costs, on both sides. */
export function healthCallers(gateway: string): Callers {
  return over(
    (place) =>
      new HealthClient(gateway, channelCredentials("insecure-for-lab"), {
        "bench.connection": place,
      }),
    (client, _number, done) => client.check(HealthCheckRequest.fromPartial({}), done),
  );
}

/** Spreads calls over a few connections. */
function over<Client extends { close: () => void }>(
  connect: (place: number) => Client,
  call: (client: Client, number: number, done: (error: ServiceError | null) => void) => void,
): Callers {
  const clients = Array.from({ length: CONNECTIONS }, (_, place) => connect(place));
  return {
    call: (number) =>
      new Promise((resolve, reject) => {
        const client = clients[number % CONNECTIONS] as Client;
        call(client, number, (error) => (error === null ? resolve() : reject(error)));
      }),
    close: () => {
      for (const client of clients) client.close();
    },
  };
}
