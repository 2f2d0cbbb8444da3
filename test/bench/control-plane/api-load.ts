/**
 * Writes through the public API, unary, a bounded number in flight, as people's scripts do them.
 */
import { Node, NodeServiceClient, UpdateNodeRequest } from "@atoll/proto/atoll/v1/node";
import { channelCredentials } from "@atoll/service-kit";
import { Histogram } from "./histogram.ts";

export interface ApiResult {
  readonly inFlight: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const CONNECTIONS = 4;

/**
 * Sets a label of one of `nodes`, again and again, for `seconds`. Any failed write fails the
 * measurement.
 */
export async function measureApiWrites(options: {
  readonly gateway: string;
  readonly datacenter: string;
  readonly nodes: readonly string[];
  readonly inFlight: number;
  readonly seconds: number;
}): Promise<ApiResult> {
  const clients = Array.from(
    { length: CONNECTIONS },
    (_, at) =>
      new NodeServiceClient(options.gateway, channelCredentials("insecure-for-lab"), {
        "bench.connection": at,
      }),
  );
  const histogram = new Histogram();
  const endMs = performance.now() + options.seconds * 1_000;
  let written = 0;
  async function writer(at: number): Promise<void> {
    const client = clients[at % clients.length] as NodeServiceClient;
    while (performance.now() < endMs) {
      written += 1;
      const node = options.nodes[written % options.nodes.length] ?? "";
      const fromMs = performance.now();
      await updateNode(client, `datacenters/${options.datacenter}/nodes/${node}`, `v${written}`);
      histogram.record(performance.now() - fromMs);
    }
  }
  await Promise.all(Array.from({ length: options.inFlight }, (_, at) => writer(at)));
  for (const client of clients) client.close();
  return {
    inFlight: options.inFlight,
    perSecond: histogram.count / options.seconds,
    p50Ms: histogram.quantileMs(0.5),
    p99Ms: histogram.quantileMs(0.99),
    maxMs: histogram.maxMs,
  };
}

function updateNode(client: NodeServiceClient, name: string, value: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const updateMask: string[] = ["labels"];
    const node = Node.fromPartial({ name, labels: { value } });
    const request = { ...UpdateNodeRequest.fromPartial({}), node, updateMask };
    client.updateNode(request, (error) => (error === null ? resolve() : reject(error)));
  });
}
