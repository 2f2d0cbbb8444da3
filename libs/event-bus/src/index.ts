export { BusError } from "./bus-error.ts";
export type { BusErrorCode } from "./bus-error.ts";
export { ConnectionTeller } from "./connection-teller.ts";
export { allHeartbeatShards, HEARTBEAT_SHARDS, heartbeatShardOf } from "./heartbeat-shards.ts";
export {
  BATCH_BYTES_MAX,
  BATCH_MESSAGES_MAX,
  ORDERS_IN_FLIGHT_MAX,
  PUBLISH_TIMEOUT_MS,
  PUBLISHED_BYTES_IN_FLIGHT_MAX,
  PUBLISHES_IN_FLIGHT_MAX,
  STREAM_BYTES_MAX,
} from "./limits.ts";
export { MemoryBus } from "./memory-bus.ts";
export type { MemoryBusOptions } from "./memory-bus.ts";
export type { Beat } from "./memory-orchestrator.ts";
export type { BusScheduler, Delivery, InFlight } from "./memory-link.ts";
export type {
  AgentBus,
  ConnectionState,
  OrchestratorBus,
  StreamBatch,
  StreamMessage,
  Unsubscribe,
} from "./port.ts";
export { PAYLOAD_BYTES_MAX } from "./port.ts";
