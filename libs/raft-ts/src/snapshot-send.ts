/**
 * The leader's side of bringing up a follower by snapshot (Raft §7).
 *
 * One chunk is under way at a time, each with its checksum; the follower's answer says which offset
 * it wants next, so a transfer that broke goes on where it stopped. The bytes come from the store
 * by `loadSnapshotChunk`. When a newer snapshot replaced the one being sent, it begins anew with
 * that.
 */
import { crc32c } from "@atoll/stdx";
import type { ReplicaId } from "./entry.ts";
import type { InstallSnapshotReply } from "./message.ts";
import type { Progress } from "./progress.ts";
import type { RaftState } from "./state.ts";
import { send, takeRequest } from "./state.ts";

/** Begins to send the newest snapshot to `id`. */
export function startSnapshot(state: RaftState, id: ReplicaId, progress: Progress): void {
  // A leader that has just installed a snapshot does not lead; so this one is durable.
  progress.becomeSnapshot(state.log.snapshot);
  requestChunk(state, id, progress);
}

/** A chunk arrived from the store; undefined when that snapshot was replaced. */
export function sendChunk(
  state: RaftState,
  request: number,
  chunk: Uint8Array | undefined,
): boolean {
  for (const [id, progress] of state.progress) {
    if (progress.loadRequest !== request) continue;
    progress.loadRequest = 0;
    const transfer = progress.transfer;
    if (transfer === undefined) return true;
    if (chunk === undefined) {
      // Tried again at once with a newer one, else when its idle time is over.
      if (state.log.snapshot.index > transfer.metadata.index) startSnapshot(state, id, progress);
      return true;
    }
    installChunk(state, id, progress, chunk);
    return true;
  }
  return false;
}

export function handleInstallSnapshotReply(state: RaftState, message: InstallSnapshotReply): void {
  const progress = state.progress.get(message.from);
  if (progress === undefined) return;
  progress.active = true;
  const transfer = progress.transfer;
  if (message.installed) {
    if (message.snapshotIndex > state.log.lastIndex) return;
    progress.acknowledged(message.snapshotIndex);
    // An older snapshot will do as well where the log goes on from it.
    if (transfer !== undefined && progress.matchIndex + 1 >= state.log.firstIndex) {
      progress.becomeProbe(message.snapshotIndex + 1);
      progress.becomeReplicate();
    }
    return;
  }
  if (transfer === undefined || transfer.metadata.index !== message.snapshotIndex) return;
  if (message.nextOffset >= transfer.metadata.sizeBytes && transfer.metadata.sizeBytes > 0) {
    // All is there and being installed.
    transfer.idleTicks = 0;
    return;
  }
  if (progress.loadRequest !== 0) return;
  transfer.offset = message.nextOffset;
  requestChunk(state, message.from, progress);
}

/** Transfers grow idle by ticks; see {@link resendSnapshotChunk}. */
export function tickSnapshots(state: RaftState): void {
  for (const progress of state.progress.values()) {
    if (progress.transfer !== undefined) progress.transfer.idleTicks += 1;
  }
}

/** The follower lives but the transfer stands still: the chunk or its answer was lost. */
export function resendSnapshotChunk(state: RaftState, id: ReplicaId, progress: Progress): void {
  const transfer = progress.transfer;
  if (transfer === undefined || progress.loadRequest !== 0) return;
  if (transfer.idleTicks < state.settings.electionTimeoutTicksMin) return;
  if (state.log.snapshot.index > transfer.metadata.index && transfer.offset === 0) {
    startSnapshot(state, id, progress);
    return;
  }
  requestChunk(state, id, progress);
}

function requestChunk(state: RaftState, id: ReplicaId, progress: Progress): void {
  const transfer = progress.transfer;
  if (transfer === undefined) return;
  transfer.idleTicks = 0;
  if (transfer.metadata.sizeBytes === 0) {
    installChunk(state, id, progress, new Uint8Array(0));
    return;
  }
  const request = takeRequest(state);
  progress.loadRequest = request;
  state.outbox.loads.push({
    type: "loadSnapshotChunk",
    request,
    index: transfer.metadata.index,
    offset: Math.min(transfer.offset, transfer.metadata.sizeBytes - 1),
    maxBytes: state.settings.snapshotChunkBytes,
  });
}

function installChunk(
  state: RaftState,
  to: ReplicaId,
  progress: Progress,
  chunk: Uint8Array,
): void {
  const transfer = progress.transfer;
  if (transfer === undefined) return;
  transfer.idleTicks = 0;
  send(state, {
    type: "installSnapshot",
    from: state.id,
    to,
    term: state.term,
    metadata: transfer.metadata,
    offset: transfer.offset,
    chunk,
    chunkChecksum: crc32c(chunk),
    last: transfer.offset + chunk.length >= transfer.metadata.sizeBytes,
  });
}
