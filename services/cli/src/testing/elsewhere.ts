/** Another datacenter, of which the fake gateway has a mirror that is twelve seconds old. */
import { AsOf } from "@atoll/proto/atoll/v1/common";
import type { Datacenter } from "@atoll/proto/atoll/v1/datacenter";
import type { Event } from "@atoll/proto/atoll/v1/event";
import type { Node } from "@atoll/proto/atoll/v1/node";
import type { Operation } from "@atoll/proto/atoll/v1/operation";
import { Metadata } from "@grpc/grpc-js";
import { datacenter as home } from "./fixture-datacenter.ts";
import * as fixtures from "./fixtures.ts";

const ALL = "datacenters/-";
const WEST = "datacenters/west";

export const asOf: AsOf = {
  datacenter: "west",
  index: 42,
  time: fixtures.since(12, 42).time,
  age: { seconds: 12, nanos: 0 },
  stale: true,
};

export const node: Node = { ...(fixtures.nodes[0] as Node), name: `${WEST}/nodes/w1` };

const operation: Operation = {
  ...(fixtures.operations[0] as Operation),
  name: `${WEST}/operations/op-1`,
};

const event: Event = {
  ...(fixtures.events[1] as Event),
  name: `${WEST}/events/40-0`,
  index: 40,
  offset: 0,
  time: fixtures.since(88, 40).time,
  node: node.name,
};

export const datacenter: Datacenter = {
  ...home,
  name: WEST,
  replicas: [],
  nodeCount: 1,
  nodesByState: { CONFIGURING: 1 },
  asOf,
  home: false,
};

/** What a list with this parent has besides that of dc1. */
export function more(parent: string): {
  readonly nodes: readonly Node[];
  readonly operations: readonly Operation[];
  readonly events: readonly Event[];
  readonly asOf: readonly AsOf[];
} {
  if (parent === ALL) {
    return { nodes: [node], operations: [operation], events: [event], asOf: [asOf] };
  }
  return { nodes: [], operations: [], events: [], asOf: [] };
}

/** What says how old an answer about `name` is. */
export function trailersOf(name: string): Metadata {
  const trailers = new Metadata();
  if (!name.startsWith(`${WEST}/`)) return trailers;
  trailers.set("atoll-as-of-bin", Buffer.from(AsOf.encode(asOf).finish()));
  return trailers;
}
