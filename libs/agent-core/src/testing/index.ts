export { FakeOrchestrator } from "./fake-orchestrator.ts";
export { until } from "./until.ts";
