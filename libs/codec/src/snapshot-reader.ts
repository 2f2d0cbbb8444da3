/**
 * Builds the state of a datacenter from the bytes of a snapshot, piece by piece.
 *
 * A piece costs what its bytes cost, however large the whole is: a replica takes one in each turn
 * of its loop. Pieces may be cut anywhere. Nothing is believed before `finish`, which asks for what
 * is missing. The order of records is that of `snapshot.ts`.
 */
import { type ActionId, Datacenter, type TargetKey } from "@atoll/domain";
import { SnapshotRecord } from "@atoll/proto/atoll/log/v1/snapshot";
import type { NodeRecord, SnapshotHeader } from "@atoll/proto/atoll/log/v1/snapshot";
import { fromProtoLimits } from "./action-limits.ts";
import { DecodeError, required } from "./decode-error.ts";
import { decodeOwn } from "./decoded.ts";
import { delimitedEnd, joinBytes, readLength } from "./delimited.ts";
import { fromNodeRecord, fromSince } from "./snapshot-node.ts";
import {
  fromActionRecord,
  fromOperationRecord,
  fromReplicaRecord,
  fromRequestRecord,
  fromRoleRecord,
  fromSightRecord,
  fromStormRecord,
} from "./snapshot-records.ts";

export const SNAPSHOT_FORMAT = 1;

type RecordCase = NonNullable<SnapshotRecord["record"]>;

/** The methods throw {@link DecodeError} on bytes that are no snapshot, or of a later release. */
export class SnapshotReader {
  readonly #datacenter = new Datacenter();
  /** Nodes some of whose open actions have not come yet: they are there without open actions. */
  readonly #waiting = new Map<string, NodeRecord>();
  #header: SnapshotHeader | undefined;
  /** The beginning of a record whose end has not come yet. */
  #rest: Uint8Array = new Uint8Array(0);

  /** Takes the next bytes. */
  take(chunk: Uint8Array): void {
    decodeOwn("a snapshot", () => {
      const bytes = this.#rest.length === 0 ? chunk : joinBytes([this.#rest, chunk]);
      let at = 0;
      for (;;) {
        const end = delimitedEnd(bytes, at);
        if (end === undefined) break;
        this.#read(SnapshotRecord.decode(bytes.subarray(readLength(bytes, at).next, end)).record);
        at = end;
      }
      this.#rest = bytes.slice(at);
    });
  }

  /** The state, once all bytes were taken. */
  finish(): Datacenter {
    return decodeOwn("a snapshot", () => {
      if (this.#rest.length > 0) throw new DecodeError("its last record is not whole");
      required(this.#header, "header");
      for (const record of this.#waiting.values()) this.#setNode(record);
      return this.#datacenter;
    });
  }

  #read(record: RecordCase | undefined): void {
    if (record === undefined) throw new DecodeError("a record of no known kind");
    if (this.#header === undefined && record.$case !== "header")
      throw new DecodeError("its header is missing");
    switch (record.$case) {
      case "header":
        this.#readHeader(record.value);
        return;
      case "node":
        this.#readNode(record.value);
        return;
      case "role": {
        const role = fromRoleRecord(record.value);
        this.#datacenter.setRole(role.spec.name, role);
        return;
      }
      case "action": {
        const action = fromActionRecord(record.value);
        this.#datacenter.setAction(action.id, action);
        this.#readActionOf(action.node, action.id);
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

  #readNode(record: NodeRecord): void {
    const { openActions } = record;
    const readable = openActions.length === 0 ? record : { ...record, openActions: [] };
    this.#setNode(readable);
    if (readable !== record) this.#waiting.set(record.name, record);
  }

  /** Actions are written in the order in which their node names them. */
  #readActionOf(node: string, action: ActionId): void {
    const record = this.#waiting.get(node);
    if (record?.openActions.at(-1) !== action) return;
    this.#waiting.delete(node);
    this.#setNode(record);
  }

  #setNode(record: NodeRecord): void {
    const node = fromNodeRecord(record, (action) => this.#targetOf(action));
    this.#datacenter.setNode(node.name, node);
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
