/**
 * Roles, actions, operations and requests as records of a snapshot.
 */
import type {
  ActionId,
  ActionState,
  ActionStatus,
  FaultDomainName,
  GroupReplicaState,
  GroupReplicaStatus,
  NodeName,
  OperationId,
  OperationState,
  OperationStatus,
  RequestState,
  RoleState,
  SightState,
  StormState,
  TargetKey,
} from "@atoll/domain";
import type {
  ActionRecord,
  OperationRecord,
  ReplicaRecord,
  RequestRecord,
  RoleRecord,
  SightRecord,
  StormRecord,
} from "@atoll/proto/atoll/log/v1/snapshot";
import { required } from "./decode-error.ts";
import { OPERATION_KINDS } from "./event.ts";
import { fromProtoOrder, toProtoOrder } from "./order.ts";
import { fromProtoRoleSpec, toProtoRoleSpec } from "./role-spec.ts";
import { fromSince } from "./snapshot-node.ts";
import { oneOf } from "./words.ts";

const ACTION_STATUSES: readonly ActionStatus[] = [
  "planned",
  "succeeded",
  "failed",
  "timedOut",
  "cancelled",
];
const REPLICA_STATUSES: readonly GroupReplicaStatus[] = ["wanted", "retired"];
const OPERATION_STATUSES: readonly OperationStatus[] = ["running", "succeeded", "cancelled"];

export function toRoleRecord({ spec, revision, since }: RoleState): RoleRecord {
  return { spec: toProtoRoleSpec(spec), revision, since };
}

export function fromRoleRecord({ spec, revision, since }: RoleRecord): RoleState {
  return { spec: fromProtoRoleSpec(required(spec, "role")), revision, since: fromSince(since) };
}

export function toActionRecord(action: ActionState): ActionRecord {
  return { ...action, order: toProtoOrder(action.order) };
}

export function fromActionRecord(record: ActionRecord): ActionState {
  return {
    id: record.id as ActionId,
    node: record.node as NodeName,
    generation: record.generation,
    target: record.target as TargetKey,
    order: fromProtoOrder(required(record.order, "order")),
    cause: { text: record.cause?.text ?? "", index: record.cause?.index ?? 0 },
    attempt: record.attempt,
    deadlineMs: record.deadlineMs,
    status: oneOf("status of an action", ACTION_STATUSES, record.status),
    planned: fromSince(record.planned),
    ...(record.ended === undefined ? {} : { ended: fromSince(record.ended) }),
    reason: record.reason,
    durationMs: record.durationMs,
  };
}

export function fromOperationRecord(record: OperationRecord): OperationState {
  return {
    id: record.id as OperationId,
    kind: oneOf("kind of operation", OPERATION_KINDS, record.kind),
    description: record.description,
    nodes: record.nodes as readonly NodeName[],
    actor: record.actor,
    status: oneOf("status of an operation", OPERATION_STATUSES, record.status),
    started: fromSince(record.started),
    ...(record.ended === undefined ? {} : { ended: fromSince(record.ended) }),
    reason: record.reason,
  };
}

export function fromRequestRecord({
  requestId,
  digest,
  operation,
  since,
}: RequestRecord): RequestState {
  return { requestId, digest, operation: operation as OperationId | "", since: fromSince(since) };
}

export function fromReplicaRecord(record: ReplicaRecord): GroupReplicaState {
  const { id, address, replaces, since } = record;
  const status = oneOf("status of a replica", REPLICA_STATUSES, record.status);
  return { id, address, replaces, status, since: fromSince(since) };
}

export function fromSightRecord({ domain, silent, nodes, since }: SightRecord): SightState {
  return { domain, silent, nodes, since: fromSince(since) };
}

export function fromStormRecord(record: StormRecord): StormState {
  const { faultDomain, nodes, of, sharePercent, release } = record;
  const released =
    release === undefined
      ? {}
      : {
          release: {
            reason: release.reason,
            actor: release.actor,
            since: fromSince(release.since),
          },
        };
  return {
    faultDomain: faultDomain as FaultDomainName,
    nodes,
    of,
    sharePercent,
    since: fromSince(record.since),
    ...released,
  };
}
