/**
 * One datacenter as this gateway sees it: its state, how to read and write it, and how it is shown.
 *
 * The same parts for the datacenter in which the gateway stands and for every other; what differs
 * is who answers calls, who feeds the mirror and who has the history. It owns its rounds of reads;
 * mirror, caller, feed and history belong to who made it. Handlers work with one island, which the
 * resource name picks.
 */
import type { DatacenterName } from "@atoll/domain";
import type { Log } from "@atoll/service-kit";
import type { Clock } from "@atoll/stdx";
import { NodeChanges } from "../api/node-changes.ts";
import { NodeView } from "../api/node-view.ts";
import { OperationView } from "../api/operation-view.ts";
import { ResourceNames } from "../api/resource-names.ts";
import { Writes } from "../api/writes.ts";
import type { ReplicaClients } from "../replicas/replica-clients.ts";
import type { Caller } from "./caller.ts";
import type { EventHistory } from "./event-history.ts";
import type { Mirror } from "./mirror.ts";
import { type MirrorFeed, ReadRounds } from "./reads.ts";

export interface IslandOptions {
  readonly datacenter: DatacenterName;
  readonly mirror: Mirror;
  readonly caller: Caller;
  readonly feed: MirrorFeed;
  readonly history: EventHistory;
  /** The replicas themselves, where this gateway reaches them. */
  readonly replicas?: ReplicaClients;
  readonly clock: Clock;
  readonly log: Log;
}

export class Island implements Disposable {
  readonly datacenter: DatacenterName;
  readonly mirror: Mirror;
  readonly reads: ReadRounds;
  readonly writes: Writes;
  readonly names: ResourceNames;
  readonly nodes: NodeView;
  readonly operations: OperationView;
  readonly changes: NodeChanges;
  readonly history: EventHistory;
  readonly replicas: ReplicaClients | undefined;

  constructor(options: IslandOptions) {
    const { datacenter, mirror, caller, clock } = options;
    this.datacenter = datacenter;
    this.mirror = mirror;
    this.history = options.history;
    this.replicas = options.replicas;
    this.names = new ResourceNames(datacenter);
    this.nodes = new NodeView({ datacenter, mirror, names: this.names, clock });
    this.operations = new OperationView({ mirror, nodes: this.nodes, names: this.names });
    this.changes = new NodeChanges(mirror);
    // Who reaches the replicas can be exact without asking far away.
    this.reads = new ReadRounds({ ...options, mirrorFirst: options.replicas === undefined });
    this.writes = new Writes({ datacenter, caller, mirror, clock });
  }

  [Symbol.dispose](): void {
    this.reads[Symbol.dispose]();
  }
}
