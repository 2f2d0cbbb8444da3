/**
 * Majorities, of one configuration or of two at once (Raft §6).
 *
 * While a membership change is joint, every decision needs a majority of the incoming and of the
 * outgoing voters, each for itself. Nothing here allocates: commits are counted on every
 * acknowledgement. Called by elections, commits, reads and check-quorum.
 */
import type { Membership, ReplicaId } from "./entry.ts";

/** What the votes counted so far come to. */
export type VoteResult = "won" | "lost" | "pending";

/** How many of `size` voters decide; `size` is an integer of 0 or more. */
export function majority(size: number): number {
  return Math.floor(size / 2) + 1;
}

/**
 * The highest index that a majority of voters has reached, in each configuration. Nobody votes:
 * `Number.MAX_SAFE_INTEGER`, as an empty outgoing configuration must hold back nothing.
 */
export function committedIndex(
  membership: Membership,
  matchIndexOf: (id: ReplicaId) => number,
): number {
  return Math.min(
    committedBy(membership.voters, matchIndexOf),
    committedBy(membership.outgoing, matchIndexOf),
  );
}

/** The outcome of an election; `voteOf` gives undefined for a voter that has not answered. */
export function countVotes(
  membership: Membership,
  voteOf: (id: ReplicaId) => boolean | undefined,
): VoteResult {
  const incoming = votesOf(membership.voters, voteOf);
  const outgoing = votesOf(membership.outgoing, voteOf);
  if (incoming === "lost" || outgoing === "lost") return "lost";
  return incoming === "won" && outgoing === "won" ? "won" : "pending";
}

/** Whether those for whom `holds` is true are a majority, in each configuration. */
export function isQuorum(membership: Membership, holds: (id: ReplicaId) => boolean): boolean {
  return countVotes(membership, holds) === "won";
}

function committedBy(
  voters: readonly ReplicaId[],
  matchIndexOf: (id: ReplicaId) => number,
): number {
  if (voters.length === 0) return Number.MAX_SAFE_INTEGER;
  const needed = majority(voters.length);
  let best = 0;
  for (const candidate of voters) {
    const index = matchIndexOf(candidate);
    if (index <= best) continue;
    let reached = 0;
    for (const voter of voters) if (matchIndexOf(voter) >= index) reached += 1;
    if (reached >= needed) best = index;
  }
  return best;
}

function votesOf(
  voters: readonly ReplicaId[],
  voteOf: (id: ReplicaId) => boolean | undefined,
): VoteResult {
  if (voters.length === 0) return "won";
  const needed = majority(voters.length);
  let granted = 0;
  let missing = 0;
  for (const voter of voters) {
    const vote = voteOf(voter);
    if (vote === undefined) missing += 1;
    else if (vote) granted += 1;
  }
  if (granted >= needed) return "won";
  return granted + missing >= needed ? "pending" : "lost";
}
