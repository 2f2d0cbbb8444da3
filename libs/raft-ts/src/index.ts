export type {
  Entry,
  EntryType,
  HardState,
  LogPosition,
  Membership,
  ReplicaId,
  SnapshotMetadata,
} from "./entry.ts";
export type {
  AppendEntries,
  AppendEntriesReply,
  Heartbeat,
  HeartbeatReply,
  InstallSnapshot,
  InstallSnapshotReply,
  Message,
  ReadIndexReply,
  ReadIndexRequest,
  RequestVote,
  RequestVoteReply,
  TimeoutNow,
} from "./message.ts";
