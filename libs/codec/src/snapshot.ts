/**
 * The whole state of a datacenter as bytes, and back.
 *
 * A header, then nodes, roles, actions, operations, requests, forgotten nodes, replicas, lost
 * sights, storms and the pause, each in an order that follows from the log alone: equal states give
 * equal bytes. Records are length-delimited and run on from chunk to chunk; a reader may be given
 * other chunks of the same bytes.
 */
import { Datacenter } from "@atoll/domain";
import type { ActionId, TargetKey, WholeState } from "@atoll/domain";
import { SnapshotRecord } from "@atoll/proto/atoll/log/v1/snapshot";
import type { NodeRecord, SnapshotHeader } from "@atoll/proto/atoll/log/v1/snapshot";
import { sortedEntries } from "@atoll/stdx";
import { fromProtoLimits } from "./action-limits.ts";
import { DecodeError, required } from "./decode-error.ts";
import { decodeOwn } from "./decoded.ts";
import { joinBytes, readLength, writeLength } from "./delimited.ts";
import { fromNodeRecord, fromSince, toNodeRecord } from "./snapshot-node.ts";
import {
  fromActionRecord,
  fromOperationRecord,
  fromReplicaRecord,
  fromRequestRecord,
  fromRoleRecord,
  fromSightRecord,
  fromStormRecord,
  toActionRecord,
  toRoleRecord,
} from "./snapshot-records.ts";

export const SNAPSHOT_FORMAT = 1;

/** A chunk is given out when it has grown to so much. */
export const SNAPSHOT_CHUNK_BYTES = 131_072;
/** Nodes that are looked at for one chunk, when they give no records. */
const SNAPSHOT_NODES_PER_CHUNK = 1_024;
const NOTHING: Uint8Array = new Uint8Array(0);

type RecordCase = NonNullable<SnapshotRecord["record"]>;

export function encodeSnapshot(state: WholeState): Uint8Array[] {
  return [...snapshotChunks(state)].filter((chunk) => chunk.length > 0);
}

/**
 * The chunks one by one, for who encodes a copy of the state in steps. Each costs a bounded amount
 * of work, so some may be empty.
 */
export function* snapshotChunks(state: WholeState): IterableIterator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let size = 0;
  for (const record of recordsOf(state)) {
    if (record === undefined) {
      yield NOTHING;
      continue;
    }
    const bytes = SnapshotRecord.encode({ record }).finish();
    const length = writeLength(bytes.length);
    parts.push(length, bytes);
    size += length.length + bytes.length;
    if (size < SNAPSHOT_CHUNK_BYTES) continue;
    yield joinBytes(parts);
    parts = [];
    size = 0;
  }
  if (size > 0) yield joinBytes(parts);
}

/**
 * Throws {@link DecodeError} on bytes that are not a whole snapshot, or of a later release. No
 * chunks: the empty state.
 */
export function decodeSnapshot(chunks: readonly Uint8Array[]): Datacenter {
  if (chunks.length === 0) return new Datacenter();
  return decodeOwn("a snapshot", () => {
    const bytes = joinBytes(chunks);
    const reader = new Reader();
    for (let at = 0; at < bytes.length;) {
      const { length, next } = readLength(bytes, at);
      at = next + length;
      if (at > bytes.length)
        throw new DecodeError(`a record ends ${at - bytes.length} bytes after its snapshot`);
      reader.read(SnapshotRecord.decode(bytes.subarray(next, at)).record);
    }
    return reader.finish();
  });
}

/** Undefined after many nodes that have no more to say. */
function* recordsOf(state: WholeState): IterableIterator<RecordCase | undefined> {
  const { stampMs, stream, operationCount } = state;
  const header = { format: SNAPSHOT_FORMAT, stampMs, operationCount };
  yield { $case: "header", value: stream === undefined ? header : { ...header, stream } };
  for (const node of state.nodes()) yield { $case: "node", value: toNodeRecord(node) };
  for (const role of state.roles()) yield { $case: "role", value: toRoleRecord(role) };
  let looked = 0;
  for (const node of state.nodes()) {
    looked += 1;
    if (looked % SNAPSHOT_NODES_PER_CHUNK === 0) yield undefined;
    if (node.open.size === 0 && node.finished.length === 0) continue;
    for (const id of [...sortedEntries(node.open).map(([, open]) => open), ...node.finished]) {
      const action = state.action(id);
      if (action !== undefined) yield { $case: "action", value: toActionRecord(action) };
    }
  }
  for (const operation of state.runningOperations()) yield { $case: "operation", value: operation };
  for (const operation of state.finishedOperations())
    yield { $case: "operation", value: operation };
  for (const request of state.requests()) yield { $case: "request", value: request };
  for (const node of state.forgottenNodes())
    yield { $case: "forgottenNode", value: toNodeRecord(node) };
  for (const replica of state.groupReplicas()) yield { $case: "replica", value: replica };
  for (const sight of state.sights()) yield { $case: "sight", value: sight };
  for (const storm of state.storms()) yield { $case: "storm", value: storm };
  if (state.pause !== undefined) yield { $case: "pause", value: state.pause };
  if (state.limits !== undefined) yield { $case: "limits", value: state.limits };
}

/** Builds a datacenter from records in the order they were written. */
class Reader {
  readonly #datacenter = new Datacenter();
  readonly #nodes: NodeRecord[] = [];
  #header: SnapshotHeader | undefined;

  read(record: RecordCase | undefined): void {
    if (record === undefined) throw new DecodeError("a record of no known kind");
    if (this.#header === undefined && record.$case !== "header")
      throw new DecodeError("its header is missing");
    switch (record.$case) {
      case "header":
        this.#readHeader(record.value);
        return;
      case "node":
        this.#nodes.push(record.value);
        return;
      case "role": {
        const role = fromRoleRecord(record.value);
        this.#datacenter.setRole(role.spec.name, role);
        return;
      }
      case "action": {
        const action = fromActionRecord(record.value);
        this.#datacenter.setAction(action.id, action);
        return;
      }
      case "operation": {
        const operation = fromOperationRecord(record.value);
        this.#datacenter.setOperation(operation.id, operation);
        return;
      }
      case "request": {
        const request = fromRequestRecord(record.value);
        this.#datacenter.setRequest(request.requestId, request);
        return;
      }
      case "forgottenNode": {
        const node = fromNodeRecord(record.value, (action) => this.#targetOf(action));
        this.#datacenter.setForgottenNode(node.name, node);
        return;
      }
      case "storm": {
        const storm = fromStormRecord(record.value);
        this.#datacenter.setStorm(storm.faultDomain, storm);
        return;
      }
      case "pause": {
        const { reason, actor, since } = record.value;
        this.#datacenter.setPause({ reason, actor, since: fromSince(since) });
        return;
      }
      case "limits": {
        const { limits, reason, actor, since } = record.value;
        const set = { limits: fromProtoLimits(limits), reason, actor, since: fromSince(since) };
        this.#datacenter.setLimits(set);
        return;
      }
      case "replica": {
        const replica = fromReplicaRecord(record.value);
        this.#datacenter.setGroupReplica(replica.id, replica);
        return;
      }
      case "sight":
        this.#datacenter.setSight(record.value.domain, fromSightRecord(record.value));
        return;
    }
  }

  finish(): Datacenter {
    required(this.#header, "header");
    for (const record of this.#nodes) {
      const node = fromNodeRecord(record, (action) => this.#targetOf(action));
      this.#datacenter.setNode(node.name, node);
    }
    return this.#datacenter;
  }

  #readHeader(header: SnapshotHeader): void {
    if (header.format !== SNAPSHOT_FORMAT) {
      throw new DecodeError(
        `its format is ${header.format}; this release knows ${SNAPSHOT_FORMAT}`,
      );
    }
    this.#header = header;
    const { stampMs, stream, operationCount } = header;
    const position =
      stream === undefined ? undefined : { created: stream.created, sequence: stream.sequence };
    this.#datacenter.setEntry(stampMs, position);
    this.#datacenter.setOperationCount(operationCount);
  }

  #targetOf(id: ActionId): TargetKey {
    return required(this.#datacenter.action(id), `open action ${id}`).target;
  }
}
