/**
 * What a replica says of itself.
 */
import type { ReplicatedState } from "@atoll/control";
import type { GetStatusResponse } from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { ReplicaDriver } from "@atoll/raft-replica";
import type { ClockWatch } from "./clock-watch.ts";
import type { LagClock } from "./lag-clock.ts";
import { VERSION } from "./version.ts";

export function statusOf(
  of: {
    readonly datacenter: string;
    readonly groupId: string;
    readonly replica: Pick<ReplicaDriver, "status">;
    readonly state: ReplicatedState;
    readonly lagClock: LagClock;
    readonly clocks: Pick<ClockWatch, "standing">;
    readonly busConnected: () => boolean;
  },
  nowMs: number,
): GetStatusResponse {
  const { membership, peers, recovery, ...own } = of.replica.status();
  // A group that is still founded has nothing to recover.
  const isRecovering = recovery !== undefined && recovery.standing !== "founded";
  const { wallAheadMs, timeAheadMs } = of.clocks.standing;
  return {
    id: own.id,
    datacenter: of.datacenter,
    role: own.role,
    term: own.term,
    leader: own.leader,
    firstIndex: own.firstIndex,
    lastIndex: own.lastIndex,
    commitIndex: own.commitIndex,
    appliedIndex: own.appliedIndex,
    snapshotIndex: own.snapshotIndex,
    peers: peers.map(({ id, matchIndex, state, active, recovering }) => {
      const lagMs = of.lagClock.lagMs(matchIndex, own.lastIndex, nowMs);
      const peer = { id, matchIndex, state, active, recovering };
      return lagMs === undefined ? peer : { ...peer, lagMs: Math.round(lagMs) };
    }),
    busConnected: of.busConnected(),
    groupId: of.groupId,
    voters: membership.voters,
    outgoingVoters: membership.outgoing,
    learners: [...membership.learners, ...membership.learnersNext],
    recovering: isRecovering,
    version: VERSION,
    ...(wallAheadMs === undefined ? {} : { clockAheadMs: wallAheadMs }),
    ...(timeAheadMs === undefined ? {} : { timeAheadMs }),
    addresses: Object.fromEntries(
      [...of.state.datacenter.groupReplicas()].map(({ id, address }) => [id, address]),
    ),
  };
}
