/**
 * Events, domain ⇄ proto.
 *
 * Where an event and its message have the same fields the event itself is handed to the encoder,
 * which takes the fields it knows. Coming back every field is named, so that nothing enters the
 * domain by accident. An event that this release does not know stops the decoder: a replica that
 * would skip it would differ from the others.
 */
import { FACT_LANES } from "@atoll/domain";
import type { ActionEvent, DomainEvent, NodeEvent } from "@atoll/domain";
import type {
  ActionId,
  FaultDomainName,
  NodeName,
  OperationId,
  OperationKind,
  RoleName,
  ServiceKey,
  TargetKey,
} from "@atoll/domain";
import type { Event as ProtoEvent } from "@atoll/proto/atoll/log/v1/log";
import { fromProtoLimits } from "./action-limits.ts";
import { fromProtoClaimant, toProtoClaimant } from "./claimant.ts";
import { DecodeError, required } from "./decode-error.ts";
import { fromProtoInventory, toProtoInventory } from "./inventory.ts";
import {
  fromProtoFileObservation,
  fromProtoOutboxPosition,
  fromProtoServiceObservation,
  toProtoFileObservation,
  toProtoServiceObservation,
} from "./observation.ts";
import { fromProtoOrder, toProtoOrder } from "./order.ts";
import {
  fromProtoLocation,
  fromProtoRoleSpec,
  toProtoLocation,
  toProtoRoleSpec,
} from "./role-spec.ts";
import { sortedRecord } from "./sorted-record.ts";
import { oneOf } from "./words.ts";

type ProtoCase = NonNullable<ProtoEvent["event"]>;

export const OPERATION_KINDS: readonly OperationKind[] = [
  "applyRoles",
  "deleteRole",
  "assignRole",
  "unassignRole",
  "updateNode",
  "endMaintenance",
];

export function toProtoEvent(event: DomainEvent): ProtoEvent {
  return { event: toCase(event) };
}

/** Throws {@link DecodeError} on an event that this release does not know. */
export function fromProtoEvent({ event }: ProtoEvent): DomainEvent {
  if (event === undefined) throw new DecodeError("an event of no known type");
  return fromNodeCase(event) ?? fromIntentCase(event) ?? fromOtherCase(event);
}

/** A straight list, one case per event. */
function toCase(event: DomainEvent): ProtoCase {
  switch (event.type) {
    case "nodeDiscovered":
      return { $case: event.type, value: { ...event, labels: sortedRecord(event.labels) } };
    case "agentStarted": {
      const services = event.services.map(toProtoServiceObservation);
      const files = event.files.map(toProtoFileObservation);
      return { $case: event.type, value: { ...event, services, files } };
    }
    case "inventoryChanged":
      return {
        $case: event.type,
        value: { node: event.node, inventory: toProtoInventory(event.inventory) },
      };
    case "serviceStatusChanged": {
      const service = toProtoServiceObservation(event.service);
      return { $case: event.type, value: { node: event.node, service } };
    }
    case "fileStatusChanged":
      return {
        $case: event.type,
        value: { node: event.node, file: toProtoFileObservation(event.file) },
      };
    case "identityConflict": {
      const claimants = event.claimants.map(toProtoClaimant);
      return { $case: event.type, value: { node: event.node, claimants } };
    }
    case "nodeUpdated": {
      const labels = sortedRecord(event.labels);
      return {
        $case: event.type,
        value: { node: event.node, labels, location: toProtoLocation(event.location) },
      };
    }
    case "roleApplied":
      return { $case: event.type, value: { role: toProtoRoleSpec(event.role) } };
    case "actionPlanned":
      return { $case: event.type, value: { ...event, order: toProtoOrder(event.order) } };
    default:
      return toSameShape(event);
  }
}

type DifferentShape =
  | "nodeDiscovered"
  | "agentStarted"
  | "inventoryChanged"
  | "serviceStatusChanged"
  | "fileStatusChanged"
  | "identityConflict"
  | "nodeUpdated"
  | "roleApplied"
  | "actionPlanned";

type SameShape = Exclude<DomainEvent, { type: DifferentShape }>;

type SameShapeCase = {
  [T in SameShape["type"]]: { readonly $case: T; readonly value: Extract<SameShape, { type: T }> };
}[SameShape["type"]];

/**
 * The compiler holds each of these events against its message: an event that lacks a field of it is
 * not assignable.
 */
function toSameShape(event: SameShape): ProtoCase {
  const pair: SameShapeCase = { $case: event.type, value: event } as SameShapeCase;
  return pair;
}

function fromNodeCase(event: ProtoCase): NodeEvent | undefined {
  switch (event.$case) {
    case "nodeDiscovered": {
      const { incarnation, labels } = event.value;
      return { type: event.$case, node: nodeOf(event), incarnation, labels };
    }
    case "nodeWiped":
      return {
        type: event.$case,
        node: nodeOf(event),
        incarnation: event.value.incarnation,
        lost: event.value.lost,
      };
    case "agentStarted": {
      const { agentVersion, bootId, rebooted } = event.value;
      const services = event.value.services.map(fromProtoServiceObservation);
      const files = event.value.files.map(fromProtoFileObservation);
      const started = { type: event.$case, node: nodeOf(event), agentVersion, bootId, rebooted };
      return { ...started, services, files };
    }
    case "inventoryChanged": {
      const inventory = fromProtoInventory(required(event.value.inventory, "inventory"));
      return { type: event.$case, node: nodeOf(event), inventory };
    }
    case "serviceStatusChanged": {
      const service = fromProtoServiceObservation(required(event.value.service, "service"));
      return { type: event.$case, node: nodeOf(event), service };
    }
    case "serviceForgotten":
      return { type: event.$case, node: nodeOf(event), key: event.value.key as ServiceKey };
    case "serviceRestartedAlone": {
      const { key, reason } = event.value;
      return { type: event.$case, node: nodeOf(event), key: key as ServiceKey, reason };
    }
    case "fileStatusChanged": {
      const file = fromProtoFileObservation(required(event.value.file, "file"));
      return { type: event.$case, node: nodeOf(event), file };
    }
    case "fileForgotten":
      return { type: event.$case, node: nodeOf(event), path: event.value.path };
    case "factsDropped": {
      const { count, sinceMs } = event.value;
      const lane = oneOf("lane", FACT_LANES, event.value.lane);
      return { type: event.$case, node: nodeOf(event), lane, count, sinceMs };
    }
    case "factsAccepted": {
      const { incarnation, through } = event.value;
      return {
        type: event.$case,
        node: nodeOf(event),
        incarnation,
        through: fromProtoOutboxPosition(through),
      };
    }
    case "inventoryOutdated":
      return { type: event.$case, node: nodeOf(event) };
    case "nodeSuspected":
    case "nodeLost":
      return { type: event.$case, node: nodeOf(event), silentMs: event.value.silentMs };
    case "disruptionEnded":
      return { type: event.$case, node: nodeOf(event), target: event.value.target as TargetKey };
    case "nodeReturned":
    case "nodeForgotten":
    case "maintenanceEnded":
      return { type: event.$case, node: nodeOf(event) };
    default:
      return undefined;
  }
}

function fromIntentCase(event: ProtoCase): NodeEvent | ActionEvent | undefined {
  switch (event.$case) {
    case "nodeUpdated": {
      const { labels, location } = event.value;
      return {
        type: event.$case,
        node: nodeOf(event),
        labels,
        location: fromProtoLocation(location),
      };
    }
    case "identityConflict": {
      const claimants = event.value.claimants.map(fromProtoClaimant);
      return { type: event.$case, node: nodeOf(event), claimants };
    }
    case "identityConflictEnded": {
      const remaining = fromProtoClaimant(required(event.value.remaining, "remaining"));
      return { type: event.$case, node: nodeOf(event), remaining };
    }
    case "roleAssigned":
    case "roleUnassigned":
      return { type: event.$case, node: nodeOf(event), role: event.value.role as RoleName };
    case "maintenanceStarted":
      return { type: event.$case, node: nodeOf(event), reason: event.value.reason };
    case "actionPlanned": {
      const { generation, target, order, cause, disruptive, attempt, deadlineMs } = event.value;
      return {
        type: event.$case,
        node: nodeOf(event),
        action: event.value.action as ActionId,
        generation,
        target: target as TargetKey,
        order: fromProtoOrder(required(order, "order")),
        cause: { text: cause?.text ?? "", index: cause?.index ?? 0 },
        disruptive,
        attempt,
        deadlineMs,
      };
    }
    case "actionSucceeded": {
      const { durationMs } = event.value;
      return {
        type: event.$case,
        node: nodeOf(event),
        action: event.value.action as ActionId,
        durationMs,
      };
    }
    case "actionFailed": {
      const { reason, durationMs } = event.value;
      const action = event.value.action as ActionId;
      return { type: event.$case, node: nodeOf(event), action, reason, durationMs };
    }
    case "actionTimedOut":
      return { type: event.$case, node: nodeOf(event), action: event.value.action as ActionId };
    case "actionCancelRequested":
    case "actionCancelled": {
      const { reason } = event.value;
      return {
        type: event.$case,
        node: nodeOf(event),
        action: event.value.action as ActionId,
        reason,
      };
    }
    default:
      return undefined;
  }
}

function fromOtherCase(event: ProtoCase): DomainEvent {
  switch (event.$case) {
    case "roleApplied":
      return { type: event.$case, role: fromProtoRoleSpec(required(event.value.role, "role")) };
    case "roleDeleted":
      return { type: event.$case, role: event.value.role as RoleName };
    case "operationStarted": {
      const { operation, kind, description, nodes } = event.value;
      return {
        type: event.$case,
        operation: operation as OperationId,
        kind: oneOf("kind of operation", OPERATION_KINDS, kind),
        description,
        nodes: nodes as readonly NodeName[],
      };
    }
    case "operationSucceeded":
      return { type: event.$case, operation: event.value.operation as OperationId };
    case "operationCancelled": {
      const { operation, reason } = event.value;
      return { type: event.$case, operation: operation as OperationId, reason };
    }
    case "replicaAddressSet": {
      const { replica, address, replaces } = event.value;
      return { type: event.$case, replica, address, replaces };
    }
    case "replicaRetired":
    case "replicaForgotten":
      return { type: event.$case, replica: event.value.replica };
    case "groupRestored": {
      const { group, previousGroup, backupIndex } = event.value;
      return { type: event.$case, group, previousGroup, backupIndex };
    }
    case "sightLost": {
      const { domain, silent, nodes } = event.value;
      return { type: event.$case, domain, silent, nodes };
    }
    case "sightRegained":
      return { type: event.$case, domain: event.value.domain, silent: event.value.silent };
    case "stormHeld": {
      const { nodes, of, sharePercent } = event.value;
      return { type: event.$case, faultDomain: domainOf(event), nodes, of, sharePercent };
    }
    case "stormReleased":
      return { type: event.$case, faultDomain: domainOf(event), reason: event.value.reason };
    case "stormEnded":
      return { type: event.$case, faultDomain: domainOf(event) };
    case "actionsPaused":
      return { type: event.$case, reason: event.value.reason };
    case "actionsResumed":
      return { type: event.$case };
    case "actionLimitsSet": {
      const { limits, reason } = event.value;
      return { type: event.$case, limits: fromProtoLimits(limits), reason };
    }
    case "requestRecorded": {
      const { requestId, digest, operation } = event.value;
      return { type: event.$case, requestId, digest, operation: operation as OperationId | "" };
    }
    default:
      throw new DecodeError(`event ${event.$case} is not known`);
  }
}

function nodeOf(event: { readonly value: { readonly node: string } }): NodeName {
  return event.value.node as NodeName;
}

function domainOf(event: { readonly value: { readonly faultDomain: string } }): FaultDomainName {
  return event.value.faultDomain as FaultDomainName;
}
