/**
 * What an event makes of the state.
 *
 * Total: takes every event that a log may hold, in any state, without a throw; what no longer fits
 * (a node that is gone, an action that has ended) changes nothing. The same log gives the same
 * state on every replica and with every later release, so the rules here only ever get additions.
 * Called for committed entries by whoever applies the log, and on drafts by the leader.
 */
import { evolveCancelRequested } from "./cancel-action.ts";
import { evolveDisruptionEnded } from "./disruption.ts";
import type {
  DomainEvent,
  EventPosition,
  GroupEvent,
  LogEntry,
  LimitsEvent,
  PauseEvent,
  SightEvent,
  StormEvent,
} from "./event.ts";
import { evolveActionEnded, evolveActionPlanned } from "./evolve-action.ts";
import {
  evolveAgentStarted,
  evolveFacts,
  evolveFileForgotten,
  evolveFileStatus,
  evolveInventory,
  evolveServiceForgotten,
  evolveServiceStatus,
} from "./evolve-observation.ts";
import {
  evolveMaintenance,
  evolveNodeDiscovered,
  evolveNodeForgotten,
  evolveNodeUpdated,
  evolveNodeWiped,
  evolvePresence,
  evolveRoleAssignment,
} from "./evolve-node.ts";
import { evolveOperationEnded, evolveOperationStarted, evolveRequest } from "./evolve-operation.ts";
import { evolveRoleApplied, evolveRoleDeleted } from "./evolve-role.ts";
import { evolveGroup } from "./group-replica.ts";
import { evolveIdentityConflict } from "./identity-conflict.ts";
import { evolveLimits } from "./set-limits.ts";
import { evolvePause } from "./pause.ts";
import { evolveSight } from "./sight.ts";
import { evolveStorm } from "./storm.ts";
import type { Since, StateStore } from "./state.ts";

type HoldEvent = Extract<DomainEvent, { type: "actionCancelRequested" | "disruptionEnded" }>;

/**
 * Applies one entry of the log: its stamp, its position in the stream, then its events in order.
 */
export function evolveEntry(store: StateStore, entry: LogEntry, index: number): void {
  store.setEntry(Math.max(store.stampMs, entry.stampMs), entry.stream ?? store.stream);
  for (let offset = 0; offset < entry.events.length; offset += 1) {
    const recorded = entry.events[offset];
    if (recorded === undefined) continue;
    evolve(store, recorded.event, { index, offset, stampMs: entry.stampMs }, recorded.actor);
  }
}

/**
 * Applies one event. A straight list: one line per event, the work in the evolver that it names.
 */
export function evolve(
  store: StateStore,
  event: DomainEvent,
  at: EventPosition,
  actor: string,
): void {
  const since: Since = { index: at.index, stampMs: at.stampMs };
  switch (event.type) {
    case "nodeDiscovered":
      return evolveNodeDiscovered(store, event, since);
    case "nodeWiped":
      return evolveNodeWiped(store, event, since);
    case "agentStarted":
      return evolveAgentStarted(store, event, since);
    case "inventoryChanged":
    case "inventoryOutdated":
      return evolveInventory(store, event, since);
    case "serviceStatusChanged":
      return evolveServiceStatus(store, event, since);
    case "serviceForgotten":
      return evolveServiceForgotten(store, event);
    case "serviceRestartedAlone":
      // For people only: the observations around it say what became of the service.
      return;
    case "fileStatusChanged":
      return evolveFileStatus(store, event, since);
    case "fileForgotten":
      return evolveFileForgotten(store, event);
    case "factsDropped":
    case "factsAccepted":
      return evolveFacts(store, event, since);
    case "nodeSuspected":
    case "nodeLost":
    case "nodeReturned":
      return evolvePresence(store, event, since);
    case "identityConflict":
    case "identityConflictEnded":
      return evolveIdentityConflict(store, event, since);
    case "nodeUpdated":
      return evolveNodeUpdated(store, event, since);
    case "roleAssigned":
    case "roleUnassigned":
      return evolveRoleAssignment(store, event, since);
    case "maintenanceStarted":
    case "maintenanceEnded":
      return evolveMaintenance(store, event, since, actor);
    case "nodeForgotten":
      return evolveNodeForgotten(store, event);
    case "roleApplied":
      return evolveRoleApplied(store, event, since);
    case "roleDeleted":
      return evolveRoleDeleted(store, event);
    case "actionPlanned":
      return evolveActionPlanned(store, event, since);
    case "actionSucceeded":
    case "actionFailed":
    case "actionTimedOut":
    case "actionCancelled":
      return evolveActionEnded(store, event, since);
    case "operationStarted":
      return evolveOperationStarted(store, event, since, actor);
    case "operationSucceeded":
    case "operationCancelled":
      return evolveOperationEnded(store, event, since);
    case "requestRecorded":
      return evolveRequest(store, event, since);
    default:
      return evolveControl(store, event, since, actor);
  }
}

/** What is about holding actions, and about the group. */
function evolveControl(
  store: StateStore,
  event: GroupEvent | SightEvent | PauseEvent | LimitsEvent | StormEvent | HoldEvent,
  since: Since,
  actor: string,
): void {
  switch (event.type) {
    case "sightLost":
    case "sightRegained":
      return evolveSight(store, event, since);
    case "disruptionEnded":
      return evolveDisruptionEnded(store, event);
    case "actionCancelRequested":
      return evolveCancelRequested(store, event, since, actor);
    case "stormHeld":
    case "stormReleased":
    case "stormEnded":
      return evolveStorm(store, event, since, actor);
    case "actionsPaused":
    case "actionsResumed":
      return evolvePause(store, event, since, actor);
    case "actionLimitsSet":
      return evolveLimits(store, event, since, actor);
    default:
      return evolveGroup(store, event, since);
  }
}
