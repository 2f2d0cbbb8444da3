export type { RaftCoreOptions, RecoveredState } from "./core.ts";
export { RaftCore } from "./core.ts";
export type { CoreView, PeerView } from "./core-view.ts";
export type {
  ApplyEffect,
  Effect,
  FailedEffect,
  InstallSnapshotEffect,
  LeadershipEffect,
  LoadEntriesEffect,
  LoadSnapshotChunkEffect,
  PersistEffect,
  ProposalAcceptedEffect,
  ProposalRefusedEffect,
  ReadReadyEffect,
  ReadRefusedEffect,
  Role,
} from "./effect.ts";
export type {
  Entry,
  EntryType,
  HardState,
  LogPosition,
  Membership,
  ReplicaId,
  SnapshotMetadata,
} from "./entry.ts";
export type { Input, LoadedEntries } from "./input.ts";
export { entryBytes } from "./log.ts";
export {
  decodeMembership,
  encodeMembership,
  isVoter,
  membersOf,
  membershipOf,
} from "./membership.ts";
export type {
  ChangedMembership,
  MembershipChange,
  MembershipTransition,
} from "./membership-change.ts";
export { changeSimple, enterJoint, isJoint, leaveJoint, planChange } from "./membership-change.ts";
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
  TermQuery,
  TermReply,
  TimeoutNow,
} from "./message.ts";
export type { VoteResult } from "./quorum.ts";
export { committedIndex, countVotes, isQuorum, majority } from "./quorum.ts";
export type { RecoveryView, Standing } from "./recovering-state.ts";
export type { RaftSettings } from "./settings.ts";
export { DEFAULT_RAFT_SETTINGS } from "./settings.ts";
