/**
 * What travels between the replicas of a scenario: the library's messages, and proposals that a
 * follower passes on.
 *
 * With us passing on is the driver's work, so the runner does it. Names of kinds are those that
 * `deliver-msgs type=` uses.
 */
import type { MembershipChange, MembershipTransition, Message, ReplicaId } from "raft-ts";

export type Proposal =
  | { readonly type: "data"; readonly data: Uint8Array }
  | {
      readonly type: "changes";
      readonly changes: readonly MembershipChange[];
      readonly transition: MembershipTransition;
      /** As the scenario writes them. */
      readonly text: string;
    };

export interface ForwardedProposal {
  readonly type: "proposal";
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  readonly proposal: Proposal;
}

export type Outgoing = Message | ForwardedProposal;

export function kindInTheirWords(message: Outgoing): string {
  switch (message.type) {
    case "requestVote":
      return message.preVote ? "MsgPreVote" : "MsgVote";
    case "requestVoteReply":
      return message.preVote ? "MsgPreVoteResp" : "MsgVoteResp";
    case "appendEntries":
      return "MsgApp";
    case "appendEntriesReply":
    case "installSnapshotReply":
      return "MsgAppResp";
    case "heartbeat":
      return "MsgHeartbeat";
    case "heartbeatReply":
      return "MsgHeartbeatResp";
    case "installSnapshot":
      return "MsgSnap";
    case "readIndexRequest":
      return "MsgReadIndex";
    case "readIndexReply":
      return "MsgReadIndexResp";
    case "timeoutNow":
      return "MsgTimeoutNow";
    case "termQuery":
      return "MsgTermQuery";
    case "termReply":
      return "MsgTermReply";
    case "proposal":
      return "MsgProp";
    default:
      return message satisfies never;
  }
}
