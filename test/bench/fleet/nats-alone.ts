/**
 * What the bus alone does: messages of the size of a fact stored by the datacenter's own
 * nats-server, acknowledged, a bounded number in flight, with nothing behind it.
 */
import { jetstream, jetstreamManager, StorageType } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { Histogram } from "@atoll/stdx";

export interface NatsAloneResult {
  readonly inFlight: number;
  readonly bytes: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const STREAM = "BENCH";
const CONNECTIONS = 4;

export async function measureNatsAlone(options: {
  readonly url: string;
  readonly inFlight: number;
  readonly bytes: number;
  readonly seconds: number;
}): Promise<NatsAloneResult> {
  const { url, inFlight, bytes, seconds } = options;
  const connections = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => connect({ servers: url, noAsyncTraces: true })),
  );
  const manager = await jetstreamManager(connections[0] as (typeof connections)[0]);
  await manager.streams.add({ name: STREAM, subjects: ["bench.>"], storage: StorageType.File });
  const histogram = new Histogram();
  const payload = new Uint8Array(bytes).fill(0x78);
  const endMs = performance.now() + seconds * 1_000;
  const publish = async (place: number): Promise<void> => {
    const client = jetstream(connections[place % CONNECTIONS] as (typeof connections)[0]);
    while (performance.now() < endMs) {
      const fromMs = performance.now();
      await client.publish(`bench.n${place}`, payload);
      histogram.record(performance.now() - fromMs);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, (_, place) => publish(place)));
  await manager.streams.delete(STREAM);
  await Promise.all(connections.map((connection) => connection.close()));
  return {
    inFlight,
    bytes,
    perSecond: histogram.count / seconds,
    p50Ms: histogram.quantileMs(0.5),
    p99Ms: histogram.quantileMs(0.99),
  };
}
