export type {
  Command,
  CommandContext,
  InternalCommand,
  PlannerDecision,
  UserCommand,
} from "./command.ts";
export type {
  ActionEvent,
  Cause,
  DomainEvent,
  EventPosition,
  GroupEvent,
  LogEntry,
  NodeEvent,
  OperationEvent,
  OperationKind,
  LimitsEvent,
  PauseEvent,
  RecordedEvent,
  RoleEvent,
  SightEvent,
  StormEvent,
  StreamPosition,
} from "./event.ts";
export type {
  DroppedFacts,
  Fact,
  FactBatch,
  FactLane,
  FileObservation,
  FileStatus,
  OutboxPosition,
  ServiceObservation,
  ServiceStatus,
} from "./fact.ts";
export { DIFF_LENGTH_MAX, FACT_LANES, FACTS_PER_BATCH_MAX } from "./fact.ts";
export type { Bmc, Cpu, Dimm, Disk, DiskKind, Inventory, Nic, Reading } from "./inventory.ts";
export { known, unknown } from "./inventory.ts";
export type { InventoryDifference, InventorySection } from "./inventory-difference.ts";
export { applyDifference, differenceOf, INVENTORY_SECTIONS } from "./inventory-difference.ts";
export type {
  ActionId,
  DatacenterName,
  NodeName,
  OperationId,
  RoleName,
  ServiceKey,
  ServiceName,
  TargetKey,
} from "./names.ts";
export {
  actionId,
  checkName,
  fileTarget,
  NAME_LENGTH_MAX,
  NAME_RULE,
  serviceKey,
  serviceTarget,
  showText,
} from "./names.ts";
export type { AgentProcess, Claimant } from "./claimant.ts";
export { claimantText } from "./claimant.ts";
export { CLAIMANTS_MAX, conflictText } from "./identity-conflict.ts";
export { cancellationOf } from "./cancel-action.ts";
export type { Order, RenderedFile, RenderedService } from "./order.ts";
export type { Rejection, RejectionCode, Violation } from "./rejection.ts";
export { rejected } from "./rejection.ts";
export type {
  DriftPolicy,
  FileSpec,
  HardwareMatch,
  HealthCheck,
  HealthProbe,
  Location,
  RoleMatch,
  RoleSpec,
  ServiceSpec,
} from "./role.ts";
export {
  FILES_PER_ROLE_MAX,
  ROLES_MAX,
  SERVICES_PER_ROLE_MAX,
  TEMPLATE_BYTES_MAX,
} from "./role.ts";
export type {
  ActionState,
  ActionStatus,
  ConflictState,
  DroppedCount,
  Disruption,
  FailureCount,
  GroupReplicaState,
  LeftOutbox,
  GroupReplicaStatus,
  NodeState,
  ObservedFile,
  ObservedService,
  OperationState,
  LimitsState,
  PauseState,
  OperationStatus,
  Presence,
  RequestState,
  RoleState,
  SightState,
  Since,
  StateStore,
  StateView,
  StormState,
  Withheld,
  WholeState,
} from "./state.ts";
export {
  ASSIGNED_ROLES_PER_NODE_MAX,
  FINISHED_ACTIONS_PER_NODE_MAX,
  FORGOTTEN_NODES_MAX,
  OPEN_ACTIONS_PER_NODE_MAX,
  OPERATIONS_FINISHED_MAX,
  OPERATIONS_RUNNING_MAX,
  REQUESTS_MAX,
} from "./state.ts";
export { hasRole, matchesRole, rolesOf } from "./match-role.ts";
export type { ParsedTemplate, RenderedTemplate, TemplatePart } from "./template.ts";
export { parseTemplate, renderTemplate } from "./template.ts";
export { LABEL_FACT_PREFIX, readFact, templateFacts } from "./template-facts.ts";
export { checkLabels, LABELS_MAX, LABEL_VALUE_LENGTH_MAX } from "./check-labels.ts";
export { checkPath } from "./check-path.ts";
export { checkRoles, VIOLATIONS_MAX } from "./check-roles.ts";
export { isUrl } from "./check-health.ts";
export { Datacenter } from "./datacenter.ts";
export { decide, REQUEST_ID_LENGTH_MAX } from "./decide.ts";
export { comparePositions } from "./decide-facts.ts";
export type { Decided, Decision } from "./decision.ts";
export {
  describeDropped,
  describeEvent,
  describeOrder,
  nodeOf,
  subjectsOf,
} from "./describe-event.ts";
export { Draft } from "./draft.ts";
export { mapOrEmpty } from "./empty-map.ts";
export { evolve, evolveEntry } from "./evolve.ts";
export { keepsStill, pauseText, REASON_LENGTH_MAX } from "./pause.ts";
export type { ActionLimits } from "./action-limits.ts";
export { ACTION_LIMITS, disruptedMax, limitsOf } from "./action-limits.ts";
export type { DisruptionRefusal } from "./disruption.ts";
export { backSince, isDisruptive, refuseDisruption, roomFor } from "./disruption.ts";
export type { FaultDomainName, FaultDomainTally } from "./fault-domain.ts";
export { faultDomainOf, faultDomainsOf, isAiling, WHOLE_DATACENTER } from "./fault-domain.ts";
export { heals, healingOf, holdingStorm, stormText } from "./storm.ts";
export { REPLICA_ID_MAX } from "./group-replica.ts";
export { SIGHTS_MAX, sightsOf } from "./sight.ts";
export { digestOf, STABLE_MS } from "./failures.ts";
export { utf8Length } from "./utf8-length.ts";
