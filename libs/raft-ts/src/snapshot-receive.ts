/**
 * The follower's side of a snapshot that arrives in chunks (Raft §7).
 *
 * Chunks are taken in order, each checked, the whole checked again at the end; then log and state
 * are replaced in one write. A transfer goes on after a change of leader when the new one sends the
 * same snapshot. Nothing is replaced by what is older than what is committed here.
 */
import { crc32c } from "@atoll/stdx";
import type { SnapshotMetadata } from "./entry.ts";
import { waitsForTerms } from "./lookup.ts";
import type { InstallSnapshot } from "./message.ts";
import { startInstall } from "./persistence.ts";
import { heardFromLeader } from "./roles.ts";
import type { IncomingSnapshot, RaftState } from "./state.ts";
import { send } from "./state.ts";

export function handleInstallSnapshot(state: RaftState, message: InstallSnapshot): void {
  heardFromLeader(state, message.from);
  const { metadata } = message;
  const log = state.log;
  // Before anything is replaced it must be certain that the own entry there is another one.
  if (waitsForTerms(state, message, { from: metadata.index, to: metadata.index })) return;
  // The entry is here already: nothing to install, and its commit is news (Raft figure 13, step 6).
  if (metadata.index > log.committedIndex && log.termAt(metadata.index) === metadata.term) {
    log.commitTo(metadata.index);
  }
  if (metadata.index <= log.committedIndex) {
    state.incoming = undefined;
    // Before it is durable no answer; the write's completion or the leader's next try brings one.
    if (metadata.index <= log.stableIndex) replyInstalled(state, metadata.index);
    return;
  }
  if (metadata.sizeBytes > state.settings.snapshotBytesMax) return;
  if (state.incoming === undefined || !isSame(state.incoming.metadata, metadata)) {
    state.incoming = { metadata, chunks: [], receivedBytes: 0, checksum: 0 };
  }
  takeChunk(state, state.incoming, message);
}

/** The write of a received snapshot is durable. */
export function finishInstall(state: RaftState, metadata: SnapshotMetadata): void {
  if (state.role === "follower" && state.leader !== 0) replyInstalled(state, metadata.index);
}

function takeChunk(state: RaftState, incoming: IncomingSnapshot, message: InstallSnapshot): void {
  const { metadata } = incoming;
  const fits =
    message.offset === incoming.receivedBytes &&
    message.offset + message.chunk.length <= metadata.sizeBytes &&
    crc32c(message.chunk) === message.chunkChecksum;
  if (fits) {
    incoming.chunks.push(message.chunk);
    incoming.receivedBytes += message.chunk.length;
    incoming.checksum = crc32c(message.chunk, incoming.checksum);
  }
  const complete = incoming.receivedBytes === metadata.sizeBytes;
  if (complete && incoming.checksum !== metadata.checksum) {
    // Damaged in a way the chunks' own checksums did not show: all of it again.
    state.incoming = undefined;
    replyOffset(state, metadata.index, 0);
    return;
  }
  replyOffset(state, metadata.index, incoming.receivedBytes);
  if (!complete) return;
  state.incoming = undefined;
  state.log.resetTo(metadata);
  state.membership = metadata.membership;
  state.matchedIndex = Math.max(state.matchedIndex, metadata.index);
  state.applyLoadRequest = 0;
  state.applying = undefined;
  state.applyingMembership = undefined;
  state.commitToConfirm = 0;
  state.loadedToApply = undefined;
  startInstall(state, metadata, incoming.chunks);
}

function replyOffset(state: RaftState, snapshotIndex: number, nextOffset: number): void {
  reply(state, snapshotIndex, nextOffset, false);
}

function replyInstalled(state: RaftState, snapshotIndex: number): void {
  reply(state, snapshotIndex, 0, true);
}

function reply(
  state: RaftState,
  snapshotIndex: number,
  nextOffset: number,
  installed: boolean,
): void {
  send(state, {
    type: "installSnapshotReply",
    from: state.id,
    to: state.leader,
    term: state.term,
    snapshotIndex,
    nextOffset,
    installed,
  });
}

function isSame(left: SnapshotMetadata, right: SnapshotMetadata): boolean {
  return (
    left.index === right.index &&
    left.term === right.term &&
    left.sizeBytes === right.sizeBytes &&
    left.checksum === right.checksum
  );
}
