/**
 * The datacenter of the fixtures, for golden outputs.
 */
import type { Datacenter } from "@atoll/proto/atoll/v1/datacenter";
import { since } from "./fixtures.ts";

export const datacenter: Datacenter = {
  stormsHeld: 0,
  home: true,
  name: "datacenters/dc1",
  replicas: [
    replica(1, { role: "follower", clockAhead: { seconds: 3_600, nanos: 0 } }),
    replica(2, { role: "leader", timeAhead: { seconds: 90, nanos: 0 } }),
    replica(3, { reachable: false, reason: "connection refused" }),
  ],
  nodeCount: 3,
  nodesByState: { CONFIGURING: 1, DEGRADED: 1, MAINTENANCE: 1 },
  asOf: {
    datacenter: "dc1",
    index: 61,
    time: since(0, 61).time,
    age: { seconds: 0, nanos: 4_000_000 },
    stale: false,
  },
};

function replica(
  id: number,
  about: Partial<Datacenter["replicas"][number]>,
): Datacenter["replicas"][number] {
  return {
    id,
    address: `127.0.0.1:750${id}`,
    reachable: true,
    role: "follower",
    term: 3,
    commitIndex: 61,
    appliedIndex: 61,
    snapshotIndex: 0,
    busConnected: true,
    clockAhead: { seconds: 0, nanos: -3_000_000 },
    reason: "",
    ...about,
  };
}
