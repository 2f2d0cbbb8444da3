/**
 * What replicas of one group say to each other.
 *
 * Named as in the Raft paper (Ongaro and Ousterhout, 2014) and dissertation (Ongaro, 2014). Plain
 * data; adapters encode it. Messages may be lost, delayed, repeated and reordered without harm.
 */
import type { Entry, LogPosition, ReplicaId, SnapshotMetadata } from "./entry.ts";

interface Envelope {
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

export interface RequestVote extends Envelope {
  readonly type: "requestVote";
  /** A pre-vote changes nobody's term (dissertation §9.6). */
  readonly preVote: boolean;
  readonly lastLog: LogPosition;
  /** See `RequestVoteReply`. */
  readonly applied: LogPosition;
  /**
   * Set when the leader itself asked for this election: voters then ignore that a leader is alive.
   */
  readonly leaderTransfer: boolean;
}

export interface RequestVoteReply extends Envelope {
  readonly type: "requestVoteReply";
  readonly preVote: boolean;
  readonly granted: boolean;
  /**
   * The newest entry that the sender has applied, so that it is committed. Without a leader nobody
   * else tells a candidate that its membership is old, and by the old one it may need the vote of
   * somebody who holds more than it does and votes no more.
   */
  readonly applied: LogPosition;
}

export interface AppendEntries extends Envelope {
  readonly type: "appendEntries";
  readonly previous: LogPosition;
  readonly entries: readonly Entry[];
  readonly commitIndex: number;
}

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
  /** The newest read round that waits for a quorum; 0 for none (dissertation §6.4). */
  readonly readRound: number;
}

export interface HeartbeatReply extends Envelope {
  readonly type: "heartbeatReply";
  readonly readRound: number;
  /** What the sender's disk knows to be committed; never more than it holds. */
  readonly commitIndex: number;
}

/** A follower asks its leader for an index at which a linearizable read may be served. */
export interface ReadIndexRequest extends Envelope {
  readonly type: "readIndexRequest";
  readonly context: number;
}

export interface ReadIndexReply extends Envelope {
  readonly type: "readIndexReply";
  readonly context: number;
  /** The index to wait for; 0 when the receiver of the request could not confirm one. */
  readonly index: number;
}

export interface InstallSnapshot extends Envelope {
  readonly type: "installSnapshot";
  readonly metadata: SnapshotMetadata;
  readonly offset: number;
  readonly chunk: Uint8Array;
  readonly chunkChecksum: number;
  readonly last: boolean;
}

export interface InstallSnapshotReply extends Envelope {
  readonly type: "installSnapshotReply";
  readonly snapshotIndex: number;
  /** The offset the follower wants next; equal to the snapshot's size when all of it arrived. */
  readonly nextOffset: number;
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
  readonly context: number;
  /** The last index of the sender's log; 0 for none. */
  readonly lastIndex: number;
}

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
