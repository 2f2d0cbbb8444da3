/**
 * The parts of the kit that do without gRPC and the metrics library, which take 20 MB each.
 *
 * For processes that must stay small (the agent): import `@atoll/service-kit/process`, and nothing
 * of them is loaded.
 */
export { startAdminServer } from "./admin-server.ts";
export type {
  AdminServer,
  AdminServerOptions,
  HealthCheckResult,
  HealthReport,
} from "./admin-server.ts";
export { systemClock } from "./clock.ts";
export { describeError } from "./describe-error.ts";
export type { ErrorDescription } from "./describe-error.ts";
export { EnvReader, parseAddress } from "./env-reader.ts";
export type { Address } from "./env-reader.ts";
export { createLog, LOG_LEVELS, parseLogLevel, silentLog } from "./log.ts";
export type { Log, LogFields, LogLevel, LogOptions } from "./log.ts";
export { ConfigError, OperationalError } from "./operational-error.ts";
export type { OperationalErrorOptions } from "./operational-error.ts";
export { aborted, runService } from "./run-service.ts";
export { isLoopback, parseTransport } from "./transport.ts";
export type { Transport } from "./transport.ts";
