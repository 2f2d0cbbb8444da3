export { connectAgentBus } from "./agent-bus.ts";
export type { AgentBusOptions } from "./agent-bus.ts";
export type { BusLog } from "./bus-log.ts";
export type { ForeignSample } from "./foreign.ts";
export { connectOrchestratorBus } from "./orchestrator-bus.ts";
export type {
  BusStatistics,
  NatsOrchestratorBus,
  OrchestratorBusOptions,
} from "./orchestrator-bus.ts";
