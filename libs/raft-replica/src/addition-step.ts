/**
 * The next step that brings a replica nearer to being a voter: the one rule for it.
 *
 * A learner first, a voter only once it has nearly all of the log, so that the group can commit at
 * every moment of it. One that has acknowledged nothing yet may be far away however short the log
 * is; one that is silent, recovers or is sent a snapshot would vote for nothing yet. Pure: looks at
 * what the leader sees now, and never waits. Called by the operators' verbs, and by owners that
 * change the membership themselves.
 */
import type { ReplicaId } from "raft-ts";
import type { ReplicaStatus } from "./ports.ts";

/** `wait`: nothing may be done for it now. `none`: it is a voter. */
export type AdditionStep = "addLearner" | "addVoter" | "wait" | "none";

/** What the leader sees of the group. */
export type GroupSight = Pick<ReplicaStatus, "membership" | "lastIndex" | "peers">;

/** @param lagEntriesMax a learner that lacks more of the log is waited for. */
export function additionStep(
  id: ReplicaId,
  group: GroupSight,
  lagEntriesMax: number,
): AdditionStep {
  const { voters, outgoing, learners } = group.membership;
  // An earlier change is not over.
  if (outgoing.length > 0) return "wait";
  if (voters.includes(id)) return "none";
  if (!learners.includes(id)) return "addLearner";
  return hasCaughtUp(id, group, lagEntriesMax) ? "addVoter" : "wait";
}

function hasCaughtUp(
  id: ReplicaId,
  { peers, lastIndex }: GroupSight,
  lagEntriesMax: number,
): boolean {
  const peer = peers.find((one) => one.id === id);
  if (peer === undefined || peer.matchIndex === 0) return false;
  if (!peer.active || peer.recovering || peer.state === "snapshot") return false;
  return lastIndex - peer.matchIndex <= lagEntriesMax;
}
