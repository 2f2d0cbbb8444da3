export type {
  AgentBus,
  ConnectionState,
  OrchestratorBus,
  StreamBatch,
  StreamMessage,
  Unsubscribe,
} from "./port.ts";
export { PAYLOAD_BYTES_MAX } from "./port.ts";
