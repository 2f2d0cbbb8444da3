/**
 * Known ways to break changes of membership, each one change of a line.
 *
 * The text to find must be there exactly once. Used by raft-mutations.ts alone.
 */
import type { Mutation } from "./raft-mutation-list.ts";

const CORE = "raft-ts/src";

export const MEMBERSHIP_MUTATIONS: readonly Mutation[] = [
  {
    name: "a second change is taken while one is under way",
    file: `${CORE}/membership-state.ts`,
    find: "if (state.log.appliedIndex < state.pendingMembershipIndex)",
    replace: "if (state.log.appliedIndex < 0)",
  },
  {
    name: "simple changes move several voters",
    file: `${CORE}/membership-change.ts`,
    find: 'if (moved > 1) return refused("more than one voter would change at once");',
    replace: "",
  },
  {
    name: "the outgoing voters have no say in a joint configuration",
    file: `${CORE}/quorum.ts`,
    find: 'return incoming === "won" && outgoing === "won" ? "won" : "pending";',
    replace: "return incoming;",
  },
  {
    name: "joint commits are counted over the incoming voters alone",
    file: `${CORE}/quorum.ts`,
    find: "committedBy(membership.outgoing, matchIndexOf),",
    replace: "committedBy(membership.voters, matchIndexOf),",
  },
  {
    name: "a joint configuration that leaves by itself is never left",
    file: `${CORE}/membership-state.ts`,
    find: 'if (left.type === "changed") appendMembership(state, left.membership);',
    replace: "",
  },
  {
    name: "a leader that was removed stays in office",
    file: `${CORE}/membership-state.ts`,
    find: "if (!isVoter(membership, state.id)) {",
    replace: "if (membership.voters.length === 0) {",
  },
  {
    name: "new members get no entries",
    file: `${CORE}/membership-state.ts`,
    find: "state.progress.set(id, new Progress(Math.max(state.log.lastIndex, 1)));",
    replace: "",
  },
  {
    name: "learners campaign",
    file: `${CORE}/recovering.ts`,
    find: "return isVoter(state.membership, state.id) && state.recovery === undefined;",
    replace: "return state.membership.voters.length > 0 && state.recovery === undefined;",
  },
  {
    name: "a membership takes effect before the commit of it is durable",
    file: `${CORE}/apply.ts`,
    find: "const confirmed = state.durable.commit;",
    replace: "const confirmed = state.log.committedIndex;",
  },
  {
    name: "campaigns while a committed membership is not applied",
    file: `${CORE}/log.ts`,
    find: "if (this.appliedIndex >= this.committedIndex) return false;",
    replace: "if (this.appliedIndex >= 0) return false;",
  },
  {
    name: "a membership that is applied is not taken up",
    file: `${CORE}/membership-state.ts`,
    find: "  state.membership = membership;\n",
    replace: "",
  },
  {
    name: "a voter that becomes a learner is forgotten on leaving",
    file: `${CORE}/membership-change.ts`,
    find: "for (const id of membership.learnersNext) draft.learners.add(id);",
    replace: "",
  },
  {
    name: "a candidate learns nothing from those who refuse it",
    file: `${CORE}/election.ts`,
    find: "  learnCommit(state, message);\n  const expected",
    replace: "  const expected",
  },
  {
    name: "a read round is not settled anew when the members change",
    file: `${CORE}/membership-state.ts`,
    find: "nobody else is listened to.\n  settleRound(state);",
    replace: "nobody else is listened to.",
  },
];
