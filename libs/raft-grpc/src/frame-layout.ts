/**
 * The numbers of the wire between replicas.
 *
 * A frame is a protobuf message `ReceiveResponse { bytes messages = 1; }`, so that other tools can
 * take it apart. The bytes hold whole messages, one after the other, in a layout of our own: a
 * leader sends each entry to every follower, and a general encoder would cost more than the fsync.
 * Little-endian; counters are 8 bytes and below 2^53. Sender and receiver of a stream are fixed
 * when it is opened, so `from` and `to` are not repeated.
 *
 *     message        type (1), length of the rest (4), term (8), and by type:
 *      1 requestVote           flags (1: 1 pre-vote, 2 leader transfer), last index, last term,
 *                              applied index, applied term
 *      2 requestVoteReply      flags (1: 1 pre-vote, 2 granted), applied index, applied term
 *      3 appendEntries         previous index, previous term, commit index, count (4), entries
 *      4 appendEntriesReply    flags (1: 1 success), index, hint index, hint term
 *      5 heartbeat             commit index, its term, read round
 *      6 heartbeatReply        read round, commit index
 *      7 readIndexRequest      context
 *      8 readIndexReply        context, index
 *      9 installSnapshot       index, term, size, checksum (4), membership, offset,
 *                              chunk checksum (4), flags (1: 1 last), chunk
 *     10 installSnapshotReply  snapshot index, next offset, flags (1: 1 installed)
 *     11 timeoutNow            nothing
 *     12 termQuery             context
 *     13 termReply             context, last index
 *     type           with 128 added when the sender is recovering
 *     entry          type (1), length of its data (4), term (8), data; its index is its place
 *     membership     flags (1: 1 auto-leave), then count (2) and ids four times: voters,
 *                    outgoing, learners, learnersNext
 */
import type { EntryType, Message } from "raft-ts";

/** Both ends of a stream must speak the same one. */
export const PROTOCOL_VERSION = 2;

/**
 * A frame takes further messages until it has this many bytes; a single larger message goes alone.
 */
export const FRAME_BYTES: number = 512 * 1024;
/** No message is larger; gRPC receivers accept 4 MiB unless told otherwise. */
export const MESSAGE_BYTES_MAX: number = 3 * 1024 * 1024 + 512 * 1024;

export const MESSAGE_HEADER_BYTES = 13;
export const ENTRY_HEADER_BYTES = 13;
export const COUNTER_BYTES = 8;

/** The tag of field 1, length-delimited. */
export const FRAME_TAG = 0x0a;

export const MESSAGE_CODES: Readonly<Record<Message["type"], number>> = {
  requestVote: 1,
  requestVoteReply: 2,
  appendEntries: 3,
  appendEntriesReply: 4,
  heartbeat: 5,
  heartbeatReply: 6,
  readIndexRequest: 7,
  readIndexReply: 8,
  installSnapshot: 9,
  installSnapshotReply: 10,
  timeoutNow: 11,
  termQuery: 12,
  termReply: 13,
};

/** Added to a message's code when its sender is recovering. */
export const RECOVERING_BIT = 0x80;

export const ENTRY_TYPES: readonly EntryType[] = ["data", "noop", "membership"];
