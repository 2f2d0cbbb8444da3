/**
 * The whole state of a datacenter as bytes, and back.
 *
 * A header, then nodes, roles, actions, operations, requests, forgotten nodes, replicas, lost
 * sights, storms and the pause, each in an order that follows from the log alone: equal states give
 * equal bytes. Records are length-delimited and run on from chunk to chunk; a reader may be given
 * other chunks of the same bytes.
 */
import { Datacenter } from "@atoll/domain";
import type { WholeState } from "@atoll/domain";
import { SnapshotRecord } from "@atoll/proto/atoll/log/v1/snapshot";
import { sortedEntries } from "@atoll/stdx";
import { joinBytes, writeLength } from "./delimited.ts";
import { toNodeRecord } from "./snapshot-node.ts";
import { SNAPSHOT_FORMAT, SnapshotReader } from "./snapshot-reader.ts";
import { toActionRecord, toRoleRecord } from "./snapshot-records.ts";

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
  const reader = new SnapshotReader();
  for (const chunk of chunks) reader.take(chunk);
  return reader.finish();
}

/** Takes a snapshot in piece by piece; `decodeSnapshot` over many turns of a loop. */
export function snapshotReader(): SnapshotReader {
  return new SnapshotReader();
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
