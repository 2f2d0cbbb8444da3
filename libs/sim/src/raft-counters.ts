/**
 * How often the interesting things happened in simulated Raft groups.
 *
 * A simulation that never reaches a case proves nothing about it; the suites therefore ask that,
 * over all seeds, each of these happened sometimes.
 */

export const RAFT_COUNTERS = [
  "elections",
  "leadersDeposed",
  "preVotesRefused",
  "votesRefused",
  "crashes",
  "allDown",
  "groupPowerLosses",
  "restarts",
  "lostWrites",
  "tornWrites",
  "syncFailures",
  "disksFull",
  "syncsSlow",
  "readFailures",
  "syncsStuck",
  "disksDamaged",
  "disksWiped",
  "staleCopies",
  "logsLost",
  "recoveries",
  "recoveriesOverElections",
  "foundings",
  "clockJumps",
  "clocksBack",
  "clocksAheadMinutes",
  "clocksBackMinutes",
  "clocksStrobed",
  "clocksSkewed",
  "clogs",
  "replays",
  "messagesLost",
  "messagesDuplicated",
  "messagesReordered",
  "slowLinks",
  "restartLoops",
  "pauses",
  "pausesOfTenSeconds",
  "reignsEnded",
  "partitions",
  "oneWayCuts",
  "trianglesCut",
  "connectionResets",
  "transfersAsked",
  "timeoutNows",
  "appendsRefused",
  "entriesReplaced",
  "entriesReadBack",
  "snapshotsTaken",
  "snapshotsInstalled",
  "snapshotChunksRepeated",
  "restoresAtStart",
  "writesCommitted",
  "writesRefused",
  "writesOverloaded",
  "writesUnknown",
  "swapsWon",
  "swapsFailed",
  "readsOnLeader",
  "readsOnFollower",
  "readsRefused",
  "membershipAsked",
  "membershipRefused",
  "membershipChanges",
  "jointsEntered",
  "replicasAdded",
  "handedOver",
  "snapshotsAsked",
  "learnersPromoted",
  "votersDemoted",
  "leadersRemoved",
  "leadersRemovedInFlight",
  "electionsDuringJoint",
  "snapshotsDuringJoint",
  "machinesRetired",
  "minorityLeftDead",
] as const;

export type RaftCounter = (typeof RAFT_COUNTERS)[number];
export type RaftCounters = Record<RaftCounter, number>;

export function noCounters(): RaftCounters {
  return Object.fromEntries(RAFT_COUNTERS.map((name) => [name, 0])) as RaftCounters;
}

export function addCounters(sum: RaftCounters, more: RaftCounters): void {
  for (const name of RAFT_COUNTERS) sum[name] += more[name];
}
