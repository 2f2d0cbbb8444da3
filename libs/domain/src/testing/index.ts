export {
  bareInventory,
  dc1,
  emptyRole,
  fileSeen,
  n1,
  n2,
  rackR1,
  renderedFile,
  renderedService,
  sampleEvents,
  sampleInventory,
  sampleOrders,
  sampleRole,
  sampleService,
  serviceNamed,
  serviceSeen,
  web,
  webApp,
  webAppTarget,
} from "./samples.ts";
export { batchOf, sampleFacts } from "./sample-facts.ts";
export { firstTwin, secondTwin } from "./sample-twins.ts";
export { sampleCommands } from "./sample-commands.ts";
export { given, outcomeOf, Scenario, STEP_MS } from "./scenario.ts";
export { eventTypesOf, makeHistory } from "./random-history.ts";
export type { HistoryStep } from "./random-history.ts";
