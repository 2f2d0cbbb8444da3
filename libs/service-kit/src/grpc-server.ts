/**
 * A gRPC server with everything that belongs to one: limits, keepalive, health, reflection, a clean
 * end.
 *
 * Made by composition roots only. Everything begins as not serving; the owner calls `setServing`
 * when it can answer.
 */
import { HealthService } from "@atoll/proto/grpc/health/v1/health";
import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { CHANNEL_OPTIONS, checkTransport, CONCURRENT_STREAMS_MAX } from "./channel.ts";
import { guardDeadlines } from "./deadline-guard.ts";
import { HealthBoard } from "./health-service.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { OperationalError } from "./operational-error.ts";
import { addReflection } from "./reflection.ts";
import { tolerantDefinition } from "./tolerant-definition.ts";
import type { Transport } from "./transport.ts";

export interface GrpcService {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

export interface GrpcServerOptions {
  /** `host:port`; port 0 for any free one. */
  readonly listen: string;
  readonly transport: Transport;
  readonly services: readonly GrpcService[];
  readonly reflection: boolean;
  readonly log: Log;
  /** For the one server of a process that its callers mean; absent for another. */
  readonly metrics?: Metrics;
}

export interface GrpcServer extends AsyncDisposable {
  readonly port: number;
  /** @param serviceName a full name, or empty for the server as a whole. */
  setServing(serviceName: string, serving: boolean): void;
}

const DRAIN_MS = 2_000;

/**
 * @throws ConfigError when the transport must not be used on this address, OperationalError
 * `cannotListen` when the port is taken or not allowed.
 */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  checkTransport(options.transport, options.listen);
  const names = options.services.map(({ definition }) => serviceNameOf(definition));
  const health = new HealthBoard(names);
  const server = new Server({
    ...CHANNEL_OPTIONS,
    "grpc.max_concurrent_streams": CONCURRENT_STREAMS_MAX,
  });
  for (const { definition, implementation } of options.services) {
    server.addService(tolerantDefinition(definition, implementation), implementation);
  }
  server.addService(HealthService, health.implementation());
  if (options.reflection) addReflection(server, [...names, serviceNameOf(HealthService)]);
  options.metrics?.gauge("grpc_server_serving", "1 while calls are answered.", [], (gauge) => {
    gauge.set(health.servingOverall ? 1 : 0);
  });
  const guard = guardDeadlines();
  const port = await listen(server, options).catch((error: unknown) => {
    guard[Symbol.dispose]();
    throw error;
  });
  options.log.info("serving gRPC", { listen: options.listen, port, services: names });
  return {
    port,
    setServing: (serviceName, serving) => health.setServing(serviceName, serving),
    async [Symbol.asyncDispose](): Promise<void> {
      health.close();
      await drain(server, options.log);
      guard[Symbol.dispose]();
    },
  };
}

/** The full name of a service, for example `atoll.v1.NodeService`. */
export function serviceNameOf(definition: ServiceDefinition): string {
  const [method] = Object.values(definition);
  return method?.path.split("/")[1] ?? "";
}

function listen(server: Server, options: GrpcServerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(options.listen, ServerCredentials.createInsecure(), (cause, port) => {
      if (cause === null) resolve(port);
      else {
        const message = `cannot serve gRPC on ${options.listen}`;
        reject(new OperationalError(message, { code: "cannotListen", cause }));
      }
    });
  });
}

/** Calls under way may end by themselves for a moment; then they are ended. */
function drain(server: Server, log: Log): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      log.warn("calls did not end in time: ending them", { drainMs: DRAIN_MS });
      server.forceShutdown();
      resolve();
    }, DRAIN_MS);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
