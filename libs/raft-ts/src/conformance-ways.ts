/**
 * Where another implementation does otherwise, on purpose or by its own choice.
 *
 * A core does it the other way only so that scenarios of that implementation can be replayed
 * (docs/differences.md). An entry of its own, `raft-ts/conformance`, for conformance tests alone:
 * nothing that the public entry gives out can weaken a replica. Pre-vote and check-quorum are
 * always on.
 */

export interface ConformanceWays {
  /**
   * Asks whether an election could be won before it begins one (dissertation §9.6). Without it a
   * replica that was cut off disturbs the group when it comes back.
   */
  readonly preVote: boolean;
  /**
   * A leader without a majority steps down, and votes are withheld while a leader is alive
   * (dissertation §6.2, §4.2.3).
   */
  readonly checkQuorum: boolean;
  /**
   * When a leader that has applied its own removal steps down: once a majority of those that stay
   * knows of it, at once, or never.
   */
  readonly stepDownOnRemoval: "whenKnown" | "atOnce" | "never";
  /** A heartbeat is answered before its term is durable. */
  readonly answersHeartbeatsAtOnce: boolean;
  /** Each advance of the commit goes to every follower at once. */
  readonly noticesEachCommit: boolean;
}

/** Those of every replica outside conformance tests. */
export const OWN_WAYS: ConformanceWays = {
  preVote: true,
  checkQuorum: true,
  stepDownOnRemoval: "whenKnown",
  answersHeartbeatsAtOnce: false,
  noticesEachCommit: false,
};

/** Where the options of a core carry other ways; no plain key can. */
const WAYS = Symbol("conformance ways");

/** The same options for a `RaftCore` that does it in these ways. */
export function withWays<T extends object>(options: T, ways: ConformanceWays): T {
  return { ...options, [WAYS]: ways };
}

/** The ways that the options of a core carry; {@link OWN_WAYS} unless `withWays` made them. */
export function waysOf(options: object): ConformanceWays {
  return (options as { readonly [WAYS]?: ConformanceWays })[WAYS] ?? OWN_WAYS;
}
