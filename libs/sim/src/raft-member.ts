/**
 * One member of a simulated Raft group: what survives its crashes, and what runs now.
 *
 * A record that the group changes; faults and clients read it.
 */
import type { Replica } from "@atoll/raft-replica";
import type { Message, ReplicaId } from "raft-ts";
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
  /** How fast its clock runs, per mille of the right speed. */
  clockPerMille: number;
}
