/**
 * Known ways to break the recovery of replicas that lost their disk, each one change of a line.
 *
 * The text to find must be there exactly once. Used by raft-mutations.ts alone.
 */
import type { Mutation } from "./raft-mutation-list.ts";

const CORE = "raft-ts/src";

export const RECOVERY_MUTATIONS: readonly Mutation[] = [
  {
    name: "a recovering follower counts for commits",
    file: `${CORE}/replication.ts`,
    find: "return progress === undefined || progress.recovering ? 0 : progress.matchIndex;",
    replace: "return progress === undefined ? 0 : progress.matchIndex;",
  },
  {
    name: "a recovering follower counts in read rounds",
    file: `${CORE}/replication.ts`,
    find: "if (!progress.recovering) confirmRound(",
    replace: "confirmRound(",
  },
  {
    name: "a recovering follower keeps a leader in office",
    file: `${CORE}/tick.ts`,
    find: "progress.active && !progress.recovering",
    replace: "progress.active",
  },
  {
    name: "a recovering replica votes",
    file: `${CORE}/election.ts`,
    find: "const granted = mayGrant && !isRecovering(state) && isUpToDate(state, message);",
    replace: "const granted = mayGrant && isUpToDate(state, message);",
  },
  {
    name: "a recovering replica campaigns",
    file: `${CORE}/recovering.ts`,
    find: "isVoter(state.membership, state.id) && state.recovery === undefined",
    replace: "isVoter(state.membership, state.id)",
  },
  {
    name: "a replica is whole before it has heard every term",
    file: `${CORE}/recovering.ts`,
    find: "return othersAre(state, recovery, ({ term }) => term <= state.term);",
    replace: "return true;",
  },
  {
    name: "a recovering replica is told the commit, not the end of the log",
    file: `${CORE}/reads.ts`,
    find: "const index = message.recovering === true ? state.log.lastIndex : undefined;",
    replace: "const index = undefined;",
  },
  {
    name: "the vote is not spent when a replica is whole again",
    file: `${CORE}/recovering.ts`,
    find: "    state.vote = state.id;\n    recovery.finishing",
    replace: "    recovery.finishing",
  },
  {
    name: "a group is founded before every other voter was heard",
    file: `${CORE}/recovering.ts`,
    find: "return heard !== undefined && holds(heard);",
    replace: "return heard === undefined || holds(heard);",
  },
  {
    name: "a replica is whole before it knows what it must hold",
    file: `${CORE}/recovering.ts`,
    find: "if (needed === undefined || needed.term !== state.term) return false;",
    replace: "if (needed === undefined) return true;",
  },
  {
    name: "messages of a recovering replica do not say so",
    file: `${CORE}/recovering.ts`,
    find: "const recovering = message.recovering === true;",
    replace: "const recovering = message.recovering === undefined && message.from < 0;",
  },
  {
    name: "a blank replica founds though it hears a group at work",
    file: `${CORE}/recovering.ts`,
    find: "if (!isBlank(state) || recovery.atWork) return false;",
    replace: "if (!isBlank(state)) return false;",
  },
];
