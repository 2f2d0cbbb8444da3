/**
 * One member of a simulated Raft group: what survives its crashes, and what runs now.
 *
 * A record that the group changes; faults and clients read it.
 */
import type { Replica, ReplicaStatus } from "@atoll/raft-replica";
import type { Message, ReplicaId } from "raft-ts";
import type { RaftCounters } from "./raft-counters.ts";
import type { MemoryLogStore } from "./raft-log-store.ts";
import type { DigestStateMachine } from "./raft-state-machine.ts";

export interface SimulatedReplica {
  readonly id: ReplicaId;
  readonly store: MemoryLogStore;
  /** Undefined while it is down. */
  replica: Replica | undefined;
  stateMachine: DigestStateMachine;
  /** What arrived while it stands still; undefined while it runs. */
  heldMessages: Message[] | undefined;
  /** What arrived and is received together with what still arrives. */
  inbox: Message[];
  /** What clients asked of it meanwhile. */
  heldCalls: ((replica: Replica) => void)[];
  lives: number;
  leading: boolean;
  /** Its disk failed; it must be restarted. */
  failed: boolean;
  /** Whether it led, by its own account, when it was last looked at. */
  wasLeader: boolean;
  /** Its leader knows that its disk lost entries; it must not be opened as a whole one again. */
  distrusted: boolean;
  /** Its disk is an earlier one, which lacks entries up to here; 0 when it is not. */
  forgotTo: number;
  /** When it began to stand still. */
  pausedAtUs: number;
  /** Its clock went back: no tick before then. */
  noTickBeforeUs: number;
  /** Switched off for ever. */
  retired: boolean;
  /** The count of elections when it lost its log; undefined while it is whole. */
  lostAtElection: number | undefined;
  /** How fast its clock runs, per mille of the right speed. */
  clockPerMille: number;
}

/** A member that was never started. */
export function newMember(
  id: ReplicaId,
  store: MemoryLogStore,
  stateMachine: DigestStateMachine,
): SimulatedReplica {
  return {
    id,
    store,
    replica: undefined,
    stateMachine,
    heldMessages: undefined,
    inbox: [],
    heldCalls: [],
    lives: 0,
    leading: false,
    failed: false,
    distrusted: false,
    forgotTo: 0,
    pausedAtUs: 0,
    noTickBeforeUs: 0,
    lostAtElection: undefined,
    wasLeader: false,
    retired: false,
    clockPerMille: 1000,
  };
}

/** Nothing that `from` has said and `member` has not looked at is heard any more. */
export function forgetWords(member: SimulatedReplica, from: ReplicaId): void {
  member.inbox = member.inbox.filter((message) => message.from !== from);
  member.heldMessages = member.heldMessages?.filter((message) => message.from !== from);
}

/** Notes what became of a member's leadership since it was last looked at. */
export function countLeader(
  counters: RaftCounters,
  member: SimulatedReplica,
  status: ReplicaStatus,
): void {
  const { membership, lastIndex, commitIndex } = status;
  const leads = status.role === "leader";
  const votes = membership.voters.includes(member.id) || membership.outgoing.includes(member.id);
  if (leads && !member.wasLeader && membership.outgoing.length > 0) {
    counters.electionsDuringJoint += 1;
  }
  if (!leads && member.wasLeader && !votes) {
    counters.leadersRemoved += 1;
    if (lastIndex > commitIndex) counters.leadersRemovedInFlight += 1;
  }
  member.wasLeader = leads;
}
