/**
 * A look at a core, for status pages, checkers and transcripts.
 *
 * A copy: it stays as it was when it was taken, but for the lists of a membership, which are never
 * changed. Made by `RaftCore.view()`; nothing of it ever goes back into the core.
 */
import type { Role } from "./effect.ts";
import type { Membership, ReplicaId } from "./entry.ts";
import { isVoter } from "./membership.ts";
import type { RecoveryView } from "./recovering-state.ts";
import { viewRecovery } from "./recovering.ts";
import type { RaftState } from "./state.ts";

/** What a leader knows of one other member. */
export interface PeerView {
  /** Whom it is about. */
  readonly id: ReplicaId;
  /** Durable there up to this index, as it said in this term; 0 when it has said nothing yet. */
  readonly matchIndex: number;
  /** The index of the entry it is sent next; above `matchIndex`. */
  readonly nextIndex: number;
  /**
   * `probe`: one message at a time, until the logs are known to agree. `replicate`: entries are
   * sent ahead of their acknowledgements. `snapshot`: what it needs is compacted away.
   */
  readonly state: "probe" | "replicate" | "snapshot";
  /**
   * It answered since the quorum was checked last, which is every `electionTimeoutTicksMin` ticks;
   * true when the leader takes office.
   */
  readonly active: boolean;
  /** It gets entries and does not count. */
  readonly learner: boolean;
  /** It lost its log and does not count until it is whole. */
  readonly recovering: boolean;
}

/** Indexes are those of entries, from 1 on; 0 stands before the first. */
export interface CoreView {
  readonly id: ReplicaId;
  readonly role: Role;
  /** 0 before the first election. */
  readonly term: number;
  /** For whom it voted in `term`, durable or not yet; 0 for nobody. */
  readonly vote: ReplicaId;
  /** The leader of `term` as far as it is known here, itself included; 0 for none. */
  readonly leader: ReplicaId;
  /** The first index that the store can give; above `lastIndex` when there is none. */
  readonly firstIndex: number;
  /** The end of the log, durable or not; the snapshot's index when nothing stands behind it. */
  readonly lastIndex: number;
  /** The term of the entry at `lastIndex`. */
  readonly lastTerm: number;
  /** Durable here up to this index; at most `lastIndex`. */
  readonly stableIndex: number;
  /** Known to be committed up to this index; at most `lastIndex`, and it never falls in a life. */
  readonly committedIndex: number;
  /** Applied, as `applied` said, up to this index; at most `committedIndex`. */
  readonly appliedIndex: number;
  /** The newest snapshot is of this index; 0 for that of the founding. */
  readonly snapshotIndex: number;
  /** In force: that of the last membership entry that is applied, or of the snapshot. */
  readonly membership: Membership;
  /** Leader: a change of membership is refused until this index is applied; else 0. */
  readonly pendingMembershipIndex: number;
  /** Leader: to whom it is handing over; 0 for nobody. */
  readonly transferTo: ReplicaId;
  /** It led, was removed, and stepped down once a majority of those that stay knew. */
  readonly departed: boolean;
  /** Only while it is not whole. */
  readonly recovery: RecoveryView | undefined;
  /** Only on the leader: everybody else, voters and learners; empty elsewhere. */
  readonly peers: readonly PeerView[];
}

export function viewOf(state: RaftState): CoreView {
  const { log } = state;
  const peers: PeerView[] = [];
  for (const [id, each] of state.progress) {
    const { matchIndex, nextIndex, active, recovering } = each;
    const learner = !isVoter(state.membership, id);
    peers.push({ id, matchIndex, nextIndex, state: each.state, active, learner, recovering });
  }
  return {
    id: state.id,
    role: state.role,
    term: state.term,
    vote: state.vote,
    leader: state.leader,
    firstIndex: log.firstIndex,
    lastIndex: log.lastIndex,
    lastTerm: log.lastTerm,
    stableIndex: log.stableIndex,
    committedIndex: log.committedIndex,
    appliedIndex: log.appliedIndex,
    snapshotIndex: log.snapshot.index,
    membership: state.membership,
    pendingMembershipIndex: state.pendingMembershipIndex,
    transferTo: state.transferTo,
    departed: state.departed,
    recovery: viewRecovery(state),
    peers,
  };
}
