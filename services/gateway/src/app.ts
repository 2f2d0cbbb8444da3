/**
 * The composition root of a gateway: makes the parts, joins them, and takes them apart in the other
 * order.
 *
 * Holds no logic of its own but the joints. Serves from the moment it has a state, whether the
 * orchestrator can decide or not.
 */
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
import { eventService } from "./api/event-service.ts";
import { groupService } from "./api/group-service.ts";
import type { HandlerParts } from "./api/handler-parts.ts";
import { nodeService } from "./api/node-service.ts";
import { operationService } from "./api/operation-service.ts";
import { roleService } from "./api/role-service.ts";
import { Watches } from "./api/watches.ts";
import type { Config } from "./config.ts";
import { mirrorAgeMs } from "./islands/contact.ts";
import { type Home, joinHome } from "./islands/home-island.ts";
import { joinFederation } from "./peers/federation.ts";
import { Islands } from "./islands/islands.ts";
import type { Mirror } from "./islands/mirror.ts";

const MS_PER_SECOND = 1_000;

export interface App extends AsyncDisposable {
  readonly port: number;
  readonly adminPort: number;
  /** The datacenters that it answers for. */
  readonly islands: Islands;
}

/** Starts a gateway; what it opened is closed again when a part cannot start. */
export async function startApp(config: Config, log: Log = makeLog(config)): Promise<App> {
  await using parts = new AsyncDisposableStack();
  const metrics = createMetrics("gateway");
  const home = joinHome(config, log, parts);
  const islands = new Islands(home.island);
  const watches = parts.use(new Watches(systemClock));
  const environment = createCallEnvironment({ log, metrics });
  const services = makeServices({ environment, islands, watches });
  addGauges(metrics, home, watches);
  addIslandGauge(metrics, islands);
  if (config.federation !== undefined) {
    const joined = { home, islands, environment, log };
    await joinFederation(config.federation, joined, parts);
  }
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
  const health = (): HealthReport => healthOf(home);
  const admin = parts.use(
    await startAdminServer({
      host: config.listen.host,
      port: config.adminPort,
      metrics,
      health,
      log,
    }),
  );
  serveWhenSynced(server, home.island.mirror, services);
  const owned = parts.move();
  return {
    port: server.port,
    adminPort: admin.port,
    islands,
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

function makeServices(handlers: HandlerParts): readonly GrpcService[] {
  return [
    { definition: NodeServiceService, implementation: nodeService(handlers) },
    { definition: RoleServiceService, implementation: roleService(handlers) },
    { definition: ActionServiceService, implementation: actionService(handlers) },
    { definition: OperationServiceService, implementation: operationService(handlers) },
    { definition: EventServiceService, implementation: eventService(handlers) },
    { definition: DatacenterServiceService, implementation: datacenterService(handlers) },
    { definition: GroupServiceService, implementation: groupService(handlers) },
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

function addGauges(metrics: Metrics, { island, session }: Home, watches: Watches): void {
  const { mirror, reads } = island;
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

function addIslandGauge(metrics: Metrics, islands: Islands): void {
  const help = "How long ago what is known of a datacenter was certainly up to date.";
  metrics.gauge("gateway_mirror_age_seconds", help, ["datacenter"], (gauge) => {
    gauge.reset();
    for (const { datacenter, mirror } of islands.all) {
      if (!mirror.synced) continue;
      gauge.set({ datacenter }, mirrorAgeMs(mirror, systemClock) / MS_PER_SECOND);
    }
  });
}

function healthOf({ island, session }: Home): HealthReport {
  const { mirror, reads } = island;
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
