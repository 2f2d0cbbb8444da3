export { startAdminServer } from "./admin-server.ts";
export type {
  AdminServer,
  AdminServerOptions,
  HealthCheckResult,
  HealthReport,
} from "./admin-server.ts";
export { ApiError, invalidField } from "./api-error.ts";
export type { ApiErrorOptions, FieldViolation } from "./api-error.ts";
export { askStatus } from "./ask-status.ts";
export {
  ACTOR_KEY,
  CallContext,
  DEADLINE_DEFAULT_MS,
  UNARY_DEADLINE_MAX_MS,
} from "./call-context.ts";
export {
  CHANNEL_OPTIONS,
  channelCredentials,
  checkTransport,
  CONCURRENT_STREAMS_MAX,
  MESSAGE_BYTES_MAX,
} from "./channel.ts";
export { systemClock } from "./clock.ts";
export { describeError } from "./describe-error.ts";
export type { ErrorDescription } from "./describe-error.ts";
export { EnvReader, parseAddress } from "./env-reader.ts";
export type { Address } from "./env-reader.ts";
export { serviceNameOf, startGrpcServer } from "./grpc-server.ts";
export type { GrpcServer, GrpcServerOptions, GrpcService } from "./grpc-server.ts";
export { createCallEnvironment, serverStreaming, unary } from "./handlers.ts";
export type {
  CallEnvironment,
  HandlerOptions,
  StreamingHandler,
  UnaryHandler,
} from "./handlers.ts";
export { createLog, LOG_LEVELS, parseLogLevel, silentLog } from "./log.ts";
export type { Log, LogFields, LogLevel, LogOptions } from "./log.ts";
export { createMetrics, DURATION_SECONDS_BUCKETS } from "./metrics.ts";
export type { Metrics } from "./metrics.ts";
export { ConfigError, OperationalError } from "./operational-error.ts";
export type { OperationalErrorOptions } from "./operational-error.ts";
export { aborted, runService } from "./run-service.ts";
export { ERROR_DOMAIN, fromServiceError, toStatus } from "./status.ts";
export type { DecodedStatus } from "./status.ts";
export { isLoopback, parseTransport } from "./transport.ts";
export type { Transport } from "./transport.ts";
export { sha256 } from "./sha256.ts";
export { syncFolder } from "./sync-folder.ts";
export {
  exists,
  foundingGroupId,
  GROUP_FILE,
  GroupFileError,
  isGroupOf,
  isRestoredGroupOf,
  LOG_FOLDER,
  readGroupFile,
  restoredGroupId,
  writeGroupFile,
} from "./group-folder.ts";
export { DRAIN_MS_MAX, written } from "./written.ts";
