/**
 * The composition root of a gateway: makes the parts, joins them, and takes them apart in the other
 * order.
 *
 * Holds no logic of its own but the joints. Serves from the moment it has a state, whether the
 * orchestrator can decide or not.
 */
import * as codec from "@atoll/codec";
import { ActionServiceService } from "@atoll/proto/atoll/v1/action";
import { DatacenterServiceService } from "@atoll/proto/atoll/v1/datacenter";
import { EventServiceService } from "@atoll/proto/atoll/v1/event";
import { GroupServiceService } from "@atoll/proto/atoll/v1/group";
import { NodeServiceService } from "@atoll/proto/atoll/v1/node";
import { OperationServiceService } from "@atoll/proto/atoll/v1/operation";
import { RoleServiceService } from "@atoll/proto/atoll/v1/role";
import {
  createCallEnvironment,
  createLog,
  createMetrics,
  type GrpcServer,
  type GrpcService,
  type HealthReport,
  type Log,
  type Metrics,
  serviceNameOf,
  startAdminServer,
  startGrpcServer,
  systemClock,
} from "@atoll/service-kit";
import { actionService } from "./api/action-service.ts";
import { datacenterService } from "./api/datacenter-service.ts";
import { EventHistory } from "./api/event-history.ts";
import { eventService } from "./api/event-service.ts";
import { groupService } from "./api/group-service.ts";
import type { HandlerParts } from "./api/handler-parts.ts";
import { NodeChanges } from "./api/node-changes.ts";
import { nodeService } from "./api/node-service.ts";
import { NodeView } from "./api/node-view.ts";
import { operationService } from "./api/operation-service.ts";
import { OperationView } from "./api/operation-view.ts";
import { ResourceNames } from "./api/resource-names.ts";
import { roleService } from "./api/role-service.ts";
import { Watches } from "./api/watches.ts";
import { Writes } from "./api/writes.ts";
import type { Config } from "./config.ts";
import { followAddresses } from "./replicas/follow-addresses.ts";
import { FeedFollower } from "./replicas/feed-follower.ts";
import { Mirror } from "./replicas/mirror.ts";
import { ReadRounds } from "./replicas/reads.ts";
import { ReplicaClients } from "./replicas/replica-clients.ts";
import { ReplicaSession } from "./replicas/replica-session.ts";

export interface App extends AsyncDisposable {
  readonly port: number;
  readonly adminPort: number;
}

/** The half that speaks with the orchestrator. */
interface Replicas {
  readonly clients: ReplicaClients;
  readonly mirror: Mirror;
  readonly session: ReplicaSession;
  readonly follower: FeedFollower;
  readonly reads: ReadRounds;
}

/** Starts a gateway; what it opened is closed again when a part cannot start. */
export async function startApp(config: Config, log: Log = makeLog(config)): Promise<App> {
  await using parts = new AsyncDisposableStack();
  const metrics = createMetrics("gateway");
  const replicas = joinReplicas(config, log, parts);
  const watches = parts.use(new Watches(systemClock));
  const services = makeServices(config, { replicas, watches, log, metrics });
  addGauges(metrics, replicas, watches);
  const server = parts.use(
    await startGrpcServer({
      listen: config.listen.text,
      transport: config.transport,
      services,
      reflection: true,
      log,
      metrics,
    }),
  );
  // Watches end before the server waits for its calls.
  parts.use(watches);
  const health = (): HealthReport => healthOf(replicas);
  const admin = parts.use(
    await startAdminServer({
      host: config.listen.host,
      port: config.adminPort,
      metrics,
      health,
      log,
    }),
  );
  serveWhenSynced(server, replicas.mirror, services);
  const owned = parts.move();
  return {
    port: server.port,
    adminPort: admin.port,
    async [Symbol.asyncDispose](): Promise<void> {
      await owned.disposeAsync();
      log.info("stopped");
    },
  };
}

function makeLog(config: Config): Log {
  return createLog({
    service: "gateway",
    level: config.logLevel,
    fields: { datacenter: config.datacenter },
  });
}

function joinReplicas(config: Config, log: Log, parts: AsyncDisposableStack): Replicas {
  const clock = systemClock;
  const clients = parts.use(new ReplicaClients(config.replicas, config.transport));
  const mirror = parts.use(new Mirror({ codec, clock }));
  const session = parts.use(new ReplicaSession({ clients, clock, log }));
  const follower = parts.use(new FeedFollower({ clients, mirror, clock, log }));
  session.onLeader((leader) => follower.follow(leader));
  followAddresses({
    clients,
    mirror,
    configured: new Map([...config.replicas].map(([id, { text }]) => [id, text])),
    transport: config.transport,
    log,
  });
  const { datacenter } = config;
  const reads = parts.use(new ReadRounds({ datacenter, session, mirror, follower, clock, log }));
  return { clients, mirror, session, follower, reads };
}

function makeServices(
  config: Config,
  joined: {
    readonly replicas: Replicas;
    readonly watches: Watches;
    readonly log: Log;
    readonly metrics: Metrics;
  },
): readonly GrpcService[] {
  const { datacenter } = config;
  const { replicas, watches, log, metrics } = joined;
  const { clients, mirror, session, follower, reads } = replicas;
  const clock = systemClock;
  const names = new ResourceNames(datacenter);
  const nodes = new NodeView({ datacenter, mirror, names, clock });
  const handlers: HandlerParts = {
    datacenter,
    environment: createCallEnvironment({ log, metrics }),
    mirror,
    names,
    nodes,
    operations: new OperationView({ mirror, nodes, names }),
    reads,
    writes: new Writes({ datacenter, session, mirror, clock }),
  };
  const changes = new NodeChanges(mirror);
  const history = new EventHistory({
    clients,
    preferred: () => follower.replica,
    groupId: () => mirror.groupId,
  });
  return [
    { definition: NodeServiceService, implementation: nodeService(handlers, { changes, watches }) },
    { definition: RoleServiceService, implementation: roleService(handlers) },
    { definition: ActionServiceService, implementation: actionService(handlers) },
    { definition: OperationServiceService, implementation: operationService(handlers, watches) },
    {
      definition: EventServiceService,
      implementation: eventService(handlers, { history, watches }),
    },
    { definition: DatacenterServiceService, implementation: datacenterService(handlers, clients) },
    { definition: GroupServiceService, implementation: groupService(handlers, clients) },
  ];
}

function serveWhenSynced(
  server: GrpcServer,
  mirror: Mirror,
  services: readonly GrpcService[],
): void {
  function serve(): void {
    for (const { definition } of services) server.setServing(serviceNameOf(definition), true);
    server.setServing("", true);
  }
  if (mirror.synced) serve();
  else mirror.onRestored(serve);
}

function addGauges(metrics: Metrics, { session, mirror, reads }: Replicas, watches: Watches): void {
  metrics.gauge("gateway_calls_pending", "Calls that wait for the orchestrator.", [], (gauge) => {
    gauge.set(session.pendingCount);
  });
  metrics.gauge("gateway_mirror_index", "Log index that the mirror has applied.", [], (gauge) => {
    gauge.set(mirror.appliedIndex);
  });
  metrics.gauge("gateway_reads_stale", "1 while reads cannot be confirmed.", [], (gauge) => {
    gauge.set(reads.inDoubt ? 1 : 0);
  });
  metrics.gauge("gateway_watches", "Streams that callers watch.", [], (gauge) => {
    gauge.set(watches.count);
  });
}

function healthOf({ session, mirror, reads }: Replicas): HealthReport {
  const { leader } = session;
  return {
    status: !mirror.synced ? "starting" : reads.inDoubt ? "degraded" : "ok",
    checks: {
      mirror: { ok: mirror.synced, detail: `index ${mirror.appliedIndex}` },
      orchestrator: {
        ok: !reads.inDoubt,
        detail: leader === 0 ? "no leader is known" : `replica ${leader} leads`,
      },
    },
  };
}
