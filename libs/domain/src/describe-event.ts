/**
 * Events in words, for people: one sentence each, and what each is about.
 *
 * Foreign text in it (reasons, versions) is shown as it is recorded, shortened; whoever prints it
 * to a terminal escapes it.
 */
import { limitsText } from "./set-limits.ts";
import type { DomainEvent, GroupEvent, LimitsEvent, PauseEvent, StormEvent } from "./event.ts";
import type { DroppedFacts, FileObservation, OutboxPosition, ServiceObservation } from "./fact.ts";
import type { NodeName } from "./names.ts";
import { fileTarget, serviceTarget } from "./names.ts";
import { describeIdentityConflict } from "./identity-conflict.ts";
import { describeSight } from "./sight.ts";
import type { Order } from "./order.ts";

/** Longer foreign text is cut. */
const TEXT_LENGTH_MAX = 300;

/** What happened, without its time and its author. */
export function describeEvent(event: DomainEvent): string {
  switch (event.type) {
    case "nodeDiscovered":
      return `node ${event.node} was discovered`;
    case "nodeWiped":
      return `node ${event.node} came back wiped: what was on it is gone`;
    case "agentStarted":
      return describeStart(event);
    case "inventoryChanged":
      return `the inventory of node ${event.node} changed`;
    case "inventoryOutdated":
      return `the inventory of node ${event.node} is no longer known: the whole is asked for`;
    case "serviceStatusChanged":
      return `service ${event.service.key} on node ${event.node} ${describeService(event.service)}`;
    case "serviceForgotten":
      return `service ${event.key} is no longer on node ${event.node}`;
    case "serviceRestartedAlone":
      return `node ${event.node} restarted service ${event.key} by itself${because(event.reason)}`;
    case "fileStatusChanged":
      return `file ${event.file.path} on node ${event.node} ${describeFile(event.file)}`;
    case "fileForgotten":
      return `file ${event.path} on node ${event.node} is no longer managed`;
    case "factsDropped":
      return `node ${event.node} lost ${describeDropped(event)} for want of room`;
    case "factsAccepted":
      return `facts of node ${event.node} were taken in up to ${showPosition(event.through)}`;
    case "nodeSuspected":
      return `node ${event.node} has been silent for ${event.silentMs} ms: it is suspected`;
    case "nodeLost":
      return `node ${event.node} has been silent for ${event.silentMs} ms: it is lost`;
    case "identityConflict":
    case "identityConflictEnded":
      return describeIdentityConflict(event);
    case "nodeReturned":
      return `node ${event.node} is back`;
    default:
      return describeIntent(event);
  }
}

/** The node an event is about, if it is about one. */
export function nodeOf(event: DomainEvent): NodeName | undefined {
  return "node" in event ? event.node : undefined;
}

/**
 * Everything that an event is about, for filters: `node/n1`, `role/web`, `service:web/app`,
 * `file:/etc/motd`, `action/n1-3`, `operation/op-1`, `faultDomain/rack:r1`, `bus/s1`,
 * `replica/4`.
 */
export function subjectsOf(event: DomainEvent): readonly string[] {
  const subjects: string[] = [];
  const node = nodeOf(event);
  if (node !== undefined) subjects.push(`node/${node}`);
  if ("role" in event) {
    subjects.push(`role/${typeof event.role === "string" ? event.role : event.role.name}`);
  }
  if ("service" in event) subjects.push(serviceTarget(event.service.key));
  if ("key" in event) subjects.push(serviceTarget(event.key));
  if ("file" in event) subjects.push(fileTarget(event.file.path));
  if ("path" in event) subjects.push(fileTarget(event.path));
  if ("action" in event) subjects.push(`action/${event.action}`);
  if ("target" in event) subjects.push(event.target);
  if ("faultDomain" in event) subjects.push(`faultDomain/${event.faultDomain}`);
  if ("replica" in event) subjects.push(`replica/${event.replica}`);
  if ("domain" in event) {
    const { domain } = event;
    subjects.push(domain.startsWith("bus/") ? domain : `faultDomain/${domain}`);
  }
  if ("operation" in event && event.operation !== "") subjects.push(`operation/${event.operation}`);
  return subjects;
}

type ObservedType =
  | "nodeDiscovered"
  | "nodeWiped"
  | "agentStarted"
  | "inventoryChanged"
  | "inventoryOutdated"
  | "serviceStatusChanged"
  | "serviceForgotten"
  | "serviceRestartedAlone"
  | "fileStatusChanged"
  | "fileForgotten"
  | "factsDropped"
  | "factsAccepted"
  | "nodeSuspected"
  | "nodeLost"
  | "nodeReturned"
  | "identityConflict"
  | "identityConflictEnded";

/** What was wanted and done about it. */
function describeIntent(event: Exclude<DomainEvent, { type: ObservedType }>): string {
  switch (event.type) {
    case "nodeUpdated":
      return `labels or location of node ${event.node} were changed`;
    case "roleAssigned":
      return `role ${event.role} was assigned to node ${event.node}`;
    case "roleUnassigned":
      return `role ${event.role} was unassigned from node ${event.node}`;
    case "maintenanceStarted":
      return `maintenance of node ${event.node} started${because(event.reason)}`;
    case "maintenanceEnded":
      return `maintenance of node ${event.node} ended`;
    case "disruptionEnded":
      return `${event.target} of node ${event.node} is well again`;
    case "nodeForgotten":
      return `node ${event.node} was forgotten`;
    case "roleApplied":
      return `role ${event.role.name} was applied`;
    case "roleDeleted":
      return `role ${event.role} was deleted`;
    case "actionPlanned":
      return `action ${event.action} was planned: ${describePlan(event)}`;
    case "actionSucceeded":
      return `action ${event.action} succeeded in ${event.durationMs} ms`;
    case "actionFailed":
      return `action ${event.action} failed${because(event.reason)}`;
    case "actionTimedOut":
      return `action ${event.action} gave no result before its deadline`;
    case "actionCancelRequested":
      return `action ${event.action} is to be cancelled${because(event.reason)}`;
    case "actionCancelled":
      return `action ${event.action} was cancelled${because(event.reason)}`;
    case "operationStarted":
      return `operation ${event.operation} started: ${short(event.description)}`;
    case "operationSucceeded":
      return `operation ${event.operation} succeeded`;
    case "operationCancelled":
      return `operation ${event.operation} ended early${because(event.reason)}`;
    case "requestRecorded":
      return `request ${short(event.requestId)} was carried out`;
    case "sightLost":
    case "sightRegained":
      return describeSight(event);
    default:
      return describeGroup(event);
  }
}

function describeGroup(event: GroupEvent | LimitsEvent | PauseEvent | StormEvent): string {
  switch (event.type) {
    case "replicaAddressSet": {
      const instead = event.replaces === 0 ? "" : ` instead of replica ${event.replaces}`;
      return `replica ${event.replica} is wanted at ${short(event.address)}${instead}`;
    }
    case "replicaRetired":
      return `replica ${event.replica} is to leave the group`;
    case "replicaForgotten":
      return `replica ${event.replica} has left the group`;
    case "stormHeld": {
      const share = `more than ${event.sharePercent} %`;
      const what = `${event.nodes} of ${event.of} nodes ail at once, ${share}`;
      return `a storm in ${event.faultDomain}: ${what}; healing is held there`;
    }
    case "stormReleased":
      return `the storm in ${event.faultDomain} was released${because(event.reason)}`;
    case "stormEnded":
      return `the storm in ${event.faultDomain} has ended`;
    case "actionsPaused":
      return `actions were paused${because(event.reason)}`;
    case "actionLimitsSet":
      return `limits were set: ${limitsText(event.limits)}${because(event.reason)}`;
    case "actionsResumed":
      return "actions were resumed";
    case "groupRestored":
      return (
        `the group was founded anew as ${short(event.group)} from a backup of ` +
        `${short(event.previousGroup)} at entry ${event.backupIndex}`
      );
  }
}

/** What an executor is to do, in words. */
export function describeOrder(order: Order): string {
  switch (order.type) {
    case "writeFile":
      return `write file ${order.file.path}`;
    case "removeFile":
      return `remove file ${order.path}`;
    case "startService":
      return `start service ${order.service.key}`;
    case "restartService":
      return `restart service ${order.service.key}`;
    case "stopService":
      return `stop service ${order.key}`;
  }
}

function describeStart(event: Extract<DomainEvent, { type: "agentStarted" }>): string {
  const version = `version ${short(event.agentVersion)}`;
  const kept = `${event.services.length} services and ${event.files.length} files`;
  return `the agent of node ${event.node} started, ${version}, with ${kept}`;
}

function describePlan({ order, cause }: Extract<DomainEvent, { type: "actionPlanned" }>): string {
  return `${describeOrder(order)}${because(cause.text)}`;
}

/** Facts of a lane that were lost, in words. */
export function describeDropped({ lane, count }: Omit<DroppedFacts, "sinceMs">): string {
  const many = count === 1 ? "" : "s";
  return lane === "state" ? `${count} change${many} of state` : `${count} inventory reading${many}`;
}

function showPosition({ boot, sequence }: OutboxPosition): string {
  return `${boot}/${sequence}`;
}

function describeService({ status, reason }: ServiceObservation): string {
  switch (status) {
    case "starting":
      return `is starting${because(reason)}`;
    case "healthy":
      return `is healthy${because(reason)}`;
    case "unhealthy":
      return `is unhealthy${because(reason)}`;
    case "stopped":
      return `is stopped${because(reason)}`;
    case "crashed":
      return `crashed${because(reason)}`;
  }
}

function describeFile({ status, reason }: FileObservation): string {
  switch (status) {
    case "inSync":
      return `is as wanted${because(reason)}`;
    case "drifted":
      return `was changed by someone else${because(reason)}`;
    case "missing":
      return `is missing${because(reason)}`;
  }
}

function because(reason: string): string {
  return reason === "" ? "" : `: ${short(reason)}`;
}

function short(text: string): string {
  return text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}…` : text;
}
