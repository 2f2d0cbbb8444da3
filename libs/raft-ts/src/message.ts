/**
 * What replicas of one group say to each other.
 *
 * Named as in the Raft paper (Ongaro and Ousterhout, 2014) and dissertation (Ongaro, 2014). Plain
 * data; adapters encode it. Messages may be lost, delayed, repeated and reordered without harm.
 */
import type { Entry, LogPosition, ReplicaId, SnapshotMetadata } from "./entry.ts";

interface Envelope {
  /** Who sends it; the transport must have checked that. */
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  /** The sender's term; for a pre-vote the term it would campaign in. */
  readonly term: number;
  /**
   * The sender may have lost what it promised, so it counts for nothing: no vote, no commit, no
   * confirmation. Absent on all others.
   */
  readonly recovering?: true;
}

/** A candidate asks for a vote (Raft §5.2). */
export interface RequestVote extends Envelope {
  readonly type: "requestVote";
  /** A pre-vote changes nobody's term (dissertation §9.6). */
  readonly preVote: boolean;
  /** The end of the candidate's log (Raft §5.4.1). */
  readonly lastLog: LogPosition;
  /** See `RequestVoteReply`. */
  readonly applied: LogPosition;
  /**
   * Set when the leader itself asked for this election: voters then ignore that a leader is alive.
   */
  readonly leaderTransfer: boolean;
}

/** A vote, or none. Who has a live leader does not answer a pre-vote at all. */
export interface RequestVoteReply extends Envelope {
  readonly type: "requestVoteReply";
  /** As in the request. */
  readonly preVote: boolean;
  readonly granted: boolean;
  /**
   * The newest entry that the sender has applied, so that it is committed. Without a leader nobody
   * else tells a candidate that its membership is old, and by the old one it may need the vote of
   * somebody who holds more than it does and votes no more.
   */
  readonly applied: LogPosition;
}

/** Entries for a follower (Raft §5.3). */
export interface AppendEntries extends Envelope {
  readonly type: "appendEntries";
  /** The position before the first entry. */
  readonly previous: LogPosition;
  /** Contiguous; empty for a probe and to tell a commit. */
  readonly entries: readonly Entry[];
  /** What the leader knows to be committed; may be above what the follower holds. */
  readonly commitIndex: number;
}

/** One answers for all messages that the same write of the follower covers. */
export interface AppendEntriesReply extends Envelope {
  readonly type: "appendEntriesReply";
  readonly success: boolean;
  /**
   * On success: the last index that is durable at the follower. On refusal: the refused
   * `previous.index`.
   */
  readonly index: number;
  /**
   * On refusal: where the leader should look next, the last entry of the follower at or before
   * `previous` whose term may agree.
   */
  readonly hint: LogPosition;
}

/** Keeps authority and confirms reads; carries no entries, so it is never delayed by them. */
export interface Heartbeat extends Envelope {
  readonly type: "heartbeat";
  /** Never above what the follower is known to hold. */
  readonly commitIndex: number;
  /** Of the entry at `commitIndex`; 0 where the leader has it no more in memory. */
  readonly commitTerm: number;
  /** The newest read round that waits for a quorum; 0 for none (dissertation §6.4). */
  readonly readRound: number;
}

/** Also tells a leader of an earlier term that it is over. */
export interface HeartbeatReply extends Envelope {
  readonly type: "heartbeatReply";
  /** As in the heartbeat. */
  readonly readRound: number;
  /** What the sender's disk knows to be committed; never more than it holds. */
  readonly commitIndex: number;
}

/** A follower asks its leader for an index at which a linearizable read may be served. */
export interface ReadIndexRequest extends Envelope {
  readonly type: "readIndexRequest";
  /** Names the question; used once in all lives of the follower. */
  readonly context: number;
}

/** The leader's answer, once a round of heartbeats has confirmed it. */
export interface ReadIndexReply extends Envelope {
  readonly type: "readIndexReply";
  /** As in the request. */
  readonly context: number;
  /** The index to wait for; 0 when the receiver of the request could not confirm one. */
  readonly index: number;
}

/** A part of a snapshot (Raft §7); the next goes when this one is answered. */
export interface InstallSnapshot extends Envelope {
  readonly type: "installSnapshot";
  readonly metadata: SnapshotMetadata;
  /** Where the chunk begins in the content, in bytes. */
  readonly offset: number;
  /** At most `snapshotChunkBytes`; empty for a snapshot of no bytes alone. */
  readonly chunk: Uint8Array;
  /** CRC32C of the chunk. */
  readonly chunkChecksum: number;
  /** Nothing comes behind this chunk. */
  readonly last: boolean;
}

export interface InstallSnapshotReply extends Envelope {
  readonly type: "installSnapshotReply";
  /** The index of the snapshot it is about. */
  readonly snapshotIndex: number;
  /**
   * The offset the follower wants next, in bytes; equal to the snapshot's size when all of it
   * arrived. 0 where `installed`.
   */
  readonly nextOffset: number;
  /** The snapshot, or what it stands for, is durable at the follower. */
  readonly installed: boolean;
}

/** The leader tells a caught-up follower to campaign at once (dissertation §3.10). */
export interface TimeoutNow extends Envelope {
  readonly type: "timeoutNow";
}

/** A replica that is not whole asks a voter for its term; it changes nobody's. */
export interface TermQuery extends Envelope {
  readonly type: "termQuery";
  /** Names the life of the replica that asks. */
  readonly context: number;
}

/** The envelope has the term, which is durable at the sender. */
export interface TermReply extends Envelope {
  readonly type: "termReply";
  /** As in the query. */
  readonly context: number;
  /** The last index of the sender's log; 0 for none. */
  readonly lastIndex: number;
}

/** Everything that one replica may send to another. */
export type Message =
  | RequestVote
  | RequestVoteReply
  | AppendEntries
  | AppendEntriesReply
  | Heartbeat
  | HeartbeatReply
  | ReadIndexRequest
  | ReadIndexReply
  | InstallSnapshot
  | InstallSnapshotReply
  | TimeoutNow
  | TermQuery
  | TermReply;
