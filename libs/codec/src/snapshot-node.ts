/**
 * A node as a record of a snapshot.
 *
 * Maps are written in order of their keys. Open actions are named by id; which targets they are for
 * is told by the actions themselves, which follow in the snapshot.
 */
import { FACT_LANES, mapOrEmpty } from "@atoll/domain";
import type {
  ActionId,
  ConflictState,
  DroppedCount,
  FactLane,
  Disruption,
  FailureCount,
  NodeName,
  NodeState,
  ObservedFile,
  ObservedService,
  Presence,
  RoleName,
  ServiceKey,
  Since,
  TargetKey,
  Withheld,
} from "@atoll/domain";
import type {
  ConflictRecord,
  DroppedRecord,
  DisruptionRecord,
  FailureRecord,
  FileRecord,
  NodeRecord,
  ServiceRecord,
  Since as ProtoSince,
  WithheldRecord,
} from "@atoll/proto/atoll/log/v1/snapshot";
import { sortedEntries } from "@atoll/stdx";
import { fromProtoClaimant, toProtoClaimant } from "./claimant.ts";
import { required } from "./decode-error.ts";
import { fromProtoInventory, toProtoInventory } from "./inventory.ts";
import {
  fromProtoFileObservation,
  fromProtoOutboxPosition,
  fromProtoServiceObservation,
  toProtoFileObservation,
  toProtoServiceObservation,
} from "./observation.ts";
import { fromProtoLocation, toProtoLocation } from "./role-spec.ts";
import { sortedRecord } from "./sorted-record.ts";
import { oneOf } from "./words.ts";

const PRESENCES: readonly Presence[] = ["alive", "suspected", "lost"];

export function toNodeRecord(node: NodeState): NodeRecord {
  const { maintenance, inventory, rebooted, wiped, conflict, left } = node;
  return {
    name: node.name,
    revision: node.revision,
    discovered: node.discovered,
    incarnation: node.incarnation,
    watermark: node.watermark,
    agentVersion: node.agentVersion,
    bootId: node.bootId,
    presence: node.presence,
    presenceSince: node.presenceSince,
    labels: sortedRecord(node.labels),
    location: toProtoLocation(node.location),
    assignedRoles: node.assignedRoles,
    ...(maintenance === undefined ? {} : { maintenance }),
    ...(inventory === undefined
      ? {}
      : { inventory: toProtoInventory(inventory.value), inventorySince: inventory.since }),
    inventoryOutdated: node.inventoryOutdated === true,
    services: sortedEntries(node.services).map(([, service]) => toServiceRecord(service)),
    files: sortedEntries(node.files).map(([, file]) => toFileRecord(file)),
    generation: node.generation,
    openActions: sortedEntries(node.open).map(([, action]) => action),
    finishedActions: node.finished,
    failures: sortedEntries(node.failures).map(([target, failure]) => ({ target, ...failure })),
    dropped: sortedEntries(node.dropped ?? new Map<FactLane, DroppedCount>()).map(
      ([lane, dropped]) => ({ lane, ...dropped }),
    ),
    ...(rebooted === undefined ? {} : { rebooted }),
    ...(wiped === undefined ? {} : { wiped }),
    ...(conflict === undefined
      ? {}
      : {
          conflict: {
            claimants: conflict.claimants.map(toProtoClaimant),
            since: conflict.since,
          },
        }),
    ...(left === undefined ? {} : { left }),
    disrupted: sortedEntries(node.disrupted).map(([target, found]) => ({ target, ...found })),
    withheld: [...node.withheld].map(([target, withheld]) => ({ target, ...withheld })),
  };
}

/** `targetOf` tells what an open action is for. */
export function fromNodeRecord(
  record: NodeRecord,
  targetOf: (action: ActionId) => TargetKey,
): NodeState {
  const { maintenance, inventory } = record;
  return {
    name: record.name as NodeName,
    revision: record.revision,
    discovered: fromSince(record.discovered),
    incarnation: record.incarnation,
    watermark: fromProtoOutboxPosition(record.watermark),
    agentVersion: record.agentVersion,
    bootId: record.bootId,
    presence: oneOf("presence", PRESENCES, record.presence),
    presenceSince: fromSince(record.presenceSince),
    labels: record.labels,
    location: fromProtoLocation(record.location),
    assignedRoles: record.assignedRoles as readonly RoleName[],
    ...(maintenance === undefined
      ? {}
      : {
          maintenance: {
            reason: maintenance.reason,
            actor: maintenance.actor,
            since: fromSince(maintenance.since),
          },
        }),
    ...(inventory === undefined
      ? {}
      : {
          inventory: {
            value: fromProtoInventory(inventory),
            since: fromSince(record.inventorySince),
          },
        }),
    ...(record.inventoryOutdated ? { inventoryOutdated: true } : {}),
    services: mapOf(record.services.map(fromServiceRecord)),
    files: mapOf(record.files.map(fromFileRecord)),
    generation: record.generation,
    open: mapOf(
      (record.openActions as readonly ActionId[]).map((action) => [targetOf(action), action]),
    ),
    finished: record.finishedActions as readonly ActionId[],
    failures: mapOf(record.failures.map(fromFailureRecord)),
    ...(record.dropped.length === 0
      ? {}
      : { dropped: new Map(record.dropped.map(fromDroppedRecord)) }),
    ...(record.rebooted === undefined ? {} : { rebooted: fromSince(record.rebooted) }),
    ...(record.wiped === undefined ? {} : { wiped: fromSince(record.wiped) }),
    ...(record.conflict === undefined ? {} : { conflict: fromConflictRecord(record.conflict) }),
    ...(record.left === undefined
      ? {}
      : {
          left: {
            incarnation: record.left.incarnation,
            watermark: fromProtoOutboxPosition(record.left.watermark),
          },
        }),
    disrupted: mapOf(record.disrupted.map(fromDisruptionRecord)),
    withheld: mapOf(record.withheld.map(fromWithheldRecord)),
  };
}

function mapOf<K, V>(entries: readonly (readonly [K, V])[]): ReadonlyMap<K, V> {
  return mapOrEmpty(new Map(entries));
}

export function fromSince(since: ProtoSince | undefined): Since {
  const { index, stampMs } = required(since, "since");
  return { index, stampMs };
}

function fromConflictRecord({ claimants, since }: ConflictRecord): ConflictState {
  return { claimants: claimants.map(fromProtoClaimant), since: fromSince(since) };
}

function toServiceRecord(service: ObservedService): ServiceRecord {
  return { service: toProtoServiceObservation(service), since: service.since };
}

function fromServiceRecord({ service, since }: ServiceRecord): [ServiceKey, ObservedService] {
  const seen = fromProtoServiceObservation(required(service, "service"));
  return [seen.key, { ...seen, since: fromSince(since) }];
}

function toFileRecord(file: ObservedFile): FileRecord {
  return { file: toProtoFileObservation(file), since: file.since };
}

function fromFileRecord({ file, since }: FileRecord): [string, ObservedFile] {
  const seen = fromProtoFileObservation(required(file, "file"));
  return [seen.path, { ...seen, since: fromSince(since) }];
}

function fromDroppedRecord({ lane, count, last }: DroppedRecord): [FactLane, DroppedCount] {
  return [oneOf("lane", FACT_LANES, lane), { count, last: fromSince(last) }];
}

function fromFailureRecord({
  target,
  count,
  last,
  reason,
  digest,
}: FailureRecord): [TargetKey, FailureCount] {
  return [target as TargetKey, { count, last: fromSince(last), reason, digest }];
}

function fromWithheldRecord(record: WithheldRecord): [TargetKey, Withheld] {
  const { target, action, digest, reason, actor, since } = record;
  const withheld = { action: action as ActionId, digest, reason, actor, since: fromSince(since) };
  return [target as TargetKey, withheld];
}

function fromDisruptionRecord(record: DisruptionRecord): [TargetKey, Disruption] {
  const { target, action, digest, since } = record;
  return [target as TargetKey, { action: action as ActionId, digest, since: fromSince(since) }];
}
