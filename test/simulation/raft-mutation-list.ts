/**
 * Known ways to break the Raft core and its driver, each one change of a line.
 *
 * The text to find must be there exactly once; a mutation that no longer applies is reported and is
 * to be renewed. Used by raft-mutations.ts alone.
 */

export interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** Why nothing notices it, where that is known and accepted. */
  readonly missedBecause?: string;
}

const CORE = "raft-ts/src";
const DRIVER = "raft-replica/src";

export const MUTATIONS: readonly Mutation[] = [
  {
    name: "messages leave before term and vote are durable",
    file: `${CORE}/state.ts`,
    find: "return state.durable.term === state.term && state.durable.vote === state.vote;",
    replace: "return true;",
  },
  {
    name: "a vote alone causes no write",
    file: `${CORE}/persistence.ts`,
    find: "state.handedHardState.term !== state.term || state.handedHardState.vote !== state.vote;",
    replace: "state.handedHardState.term !== state.term;",
  },
  {
    name: "votes twice in a term",
    file: `${CORE}/election.ts`,
    find: ": state.vote === message.from || (state.vote === 0 && state.leader === 0);",
    replace: ": true;",
  },
  {
    name: "votes for a shorter log",
    file: `${CORE}/election.ts`,
    find: "const granted = mayGrant && !isRecovering(state) && isUpToDate(state, message);",
    replace: "const granted = mayGrant && !isRecovering(state);",
  },
  {
    name: "compares logs by length before term",
    file: `${CORE}/election.ts`,
    find: "return term > lastTerm || (term === lastTerm && index >= state.log.lastIndex);",
    replace: "return index >= state.log.lastIndex;",
  },
  {
    name: "commits entries of earlier terms by counting",
    file: `${CORE}/replication.ts`,
    find: "if (index <= log.committedIndex || index < state.termStartIndex) return;",
    replace: "if (index <= log.committedIndex) return;",
  },
  {
    name: "opens a term without a no-op",
    file: `${CORE}/roles.ts`,
    find: "log.append({\n    index: state.termStartIndex,",
    replace: "void ({\n    index: state.termStartIndex,",
  },
  {
    name: "reads do not wait for the no-op",
    file: `${CORE}/reads.ts`,
    find: "if (state.log.committedIndex < state.termStartIndex) return;",
    replace: "",
  },
  {
    name: "reads are answered without a round",
    file: `${CORE}/reads.ts`,
    find: "if (!isQuorum(state.membership, (id) => round.confirmedBy.has(id))) return;",
    replace: "",
  },
  {
    name: "replies of earlier rounds confirm a read",
    file: `${CORE}/reads.ts`,
    find: "if (current === undefined || round < current.number) return;",
    replace: "if (current === undefined) return;",
  },
  {
    name: "read contexts begin anew in each life",
    file: `${CORE}/state.ts`,
    find: "this.nextReadContext = options.prng.nextUint32() * 2 ** 20 + 1;",
    replace: "this.nextReadContext = 1;",
  },
  {
    name: "a read is served before its index is applied",
    file: `${DRIVER}/pending-reads.ts`,
    find: 'if (index <= appliedIndex) this.#answer(done, { type: "ready", index });\n    else',
    replace:
      'if (index <= appliedIndex + 3) this.#answer(done, { type: "ready", index });\n    else',
  },
  {
    name: "a follower acknowledges before it is durable",
    file: `${CORE}/persistence.ts`,
    find: "const index = Math.min(state.matchedIndex, state.log.stableIndex);",
    replace: "const index = state.matchedIndex;",
  },
  {
    name: "a follower acknowledges what the leader has not confirmed",
    file: `${CORE}/persistence.ts`,
    find: "const index = Math.min(state.matchedIndex, state.log.stableIndex);",
    replace: "const index = state.log.stableIndex;",
  },
  {
    name: "agreement outlives the term",
    file: `${CORE}/roles.ts`,
    find: "  state.matchedIndex = 0;\n",
    replace: "",
  },
  {
    name: "a leader counts itself before it is durable",
    file: `${CORE}/replication.ts`,
    find: "id === state.id ? log.stableIndex",
    replace: "id === state.id ? log.lastIndex",
  },
  {
    name: "an older write makes a replaced entry durable",
    file: `${CORE}/persistence.ts`,
    find: "pending.lastIndex = Math.min(pending.lastIndex, index - 1);",
    replace: "",
  },
  {
    name: "half is a majority",
    file: `${CORE}/quorum.ts`,
    find: "return Math.floor(size / 2) + 1;",
    replace: "return Math.max(1, Math.floor(size / 2));",
  },
  {
    name: "entries are taken in without comparing what stands before",
    file: `${CORE}/follower.ts`,
    find: "if (!agrees) {",
    replace: "if (!agrees && previous.index > log.lastIndex) {",
  },
  {
    name: "a late message cuts newer entries",
    file: `${CORE}/follower.ts`,
    find: "    if (!known) {",
    replace: "    if (entry.index > log.committedIndex) {",
  },
  {
    name: "contradicting entries stay",
    file: `${CORE}/follower.ts`,
    find: "(entry.index <= log.lastIndex && log.termAt(entry.index) === entry.term);",
    replace: "entry.index <= log.lastIndex;",
  },
  {
    name: "commits what the message did not vouch for",
    file: `${CORE}/follower.ts`,
    find: "Math.min(message.commitIndex, lastNew)));",
    replace: "Math.min(message.commitIndex, log.lastIndex)));",
  },
  {
    name: "heartbeats tell commits that the follower may not hold",
    file: `${CORE}/heartbeat.ts`,
    find: "Math.min(progress.matchIndex, state.log.committedIndex)",
    replace: "state.log.committedIndex",
  },
  {
    name: "older terms are not read back before entries are compared",
    file: `${CORE}/follower.ts`,
    find: "if (waitsForTerms(state, message, { from: previous.index, to: lastNew })) return;",
    replace: "",
  },
  {
    name: "a snapshot replaces a log it may agree with",
    file: `${CORE}/snapshot-receive.ts`,
    find: "if (waitsForTerms(state, message, { from: metadata.index, to: metadata.index }))",
    replace: "if (metadata.index < 0)",
  },
  {
    name: "a snapshot replaces a log it agrees with",
    file: `${CORE}/snapshot-receive.ts`,
    find: "log.termAt(metadata.index) === metadata.term",
    replace: "metadata.index < 0",
  },
  {
    name: "a snapshot is called installed before it is durable",
    file: `${CORE}/snapshot-receive.ts`,
    find: "if (metadata.index <= log.stableIndex) replyInstalled(state, metadata.index);",
    replace: "replyInstalled(state, metadata.index);",
  },
  {
    name: "the checksum of a received snapshot is not looked at",
    file: `${CORE}/snapshot-receive.ts`,
    find: "if (complete && incoming.checksum !== metadata.checksum) {",
    replace: "if (complete && metadata.checksum < 0) {",
  },
  {
    name: "a later term is not followed",
    file: `${CORE}/receive.ts`,
    find: "becomeFollower(state, message.term, isFromLeader(message) ? message.from : 0);",
    replace: "",
  },
  {
    name: "leaders of earlier terms are obeyed",
    file: `${CORE}/receive.ts`,
    find: "if (message.term < state.term) {",
    replace: 'if (message.term < state.term && message.type !== "appendEntries") {',
  },
  {
    name: "acknowledgements of earlier terms count",
    file: `${CORE}/receive.ts`,
    find: "if (message.term < state.term) {",
    replace: 'if (message.term < state.term && message.type !== "appendEntriesReply") {',
  },
  {
    name: "a lost message is never missed",
    file: `${CORE}/replication.ts`,
    find: 'if (progress.state === "replicate" && behind && !progress.advanced) {',
    replace: "if (behind && behind !== true) {",
  },
  {
    name: "a probe that was lost is never repeated",
    file: `${CORE}/replication.ts`,
    find: "  progress.paused = false;\n  // Something",
    replace: "  // Something",
  },
  {
    name: "a snapshot chunk that was lost is never repeated",
    file: `${CORE}/snapshot-send.ts`,
    find: "if (transfer.idleTicks < state.settings.electionTimeoutTicksMin) return;",
    replace: "if (transfer.idleTicks >= 0) return;",
  },
  {
    name: "a compacted follower is never sent a snapshot",
    file: `${CORE}/snapshot-send.ts`,
    find: "  progress.becomeSnapshot(state.log.snapshot);\n  requestChunk(state, id, progress);",
    replace: "  void id;",
  },
  {
    name: "an undecided proposal is called refused",
    file: `${DRIVER}/pending-proposals.ts`,
    find: 'for (const each of lost) each.done({ type: "unknown", leader });',
    replace:
      'for (const each of lost) each.done({ type: "refused", reason: "notLeader", leader });',
  },
  {
    name: "proposals are answered once they are in the log",
    file: `${DRIVER}/pending-proposals.ts`,
    find: "else this.#accepted.push({ firstIndex, lastIndex, term, done });",
    replace: 'else done({ type: "committed", firstIndex, lastIndex, term });',
  },
  {
    name: "entries are applied before they are committed",
    file: `${CORE}/apply.ts`,
    find: "  if (log.appliedIndex >= log.committedIndex) return undefined;\n",
    replace:
      "  if (log.appliedIndex >= log.committedIndex) {\n" +
      "    const next = log.appliedIndex + 1;\n" +
      "    const isHere = next <= log.lastIndex && next >= log.tailFirstIndex;\n" +
      "    return isHere ? handOver(state, log.slice(next, log.lastIndex, 1)) : undefined;\n" +
      "  }\n",
  },
  {
    name: "entries are applied without waiting for the restored state",
    file: `${DRIVER}/replica.ts`,
    find: "if (held === undefined || this.#restoring) return;",
    replace: "if (held === undefined) return;",
  },
  {
    name: "no quorum is checked",
    file: `${CORE}/tick.ts`,
    find: "  if (!alive) {",
    replace: "  if (!alive && alive !== false) {",
  },
  {
    name: "elections are not asked for first",
    file: `${CORE}/election.ts`,
    find: "  requestVotes(state, true);\n  settleElection(state);",
    replace: "  startElection(state, false);",
  },
];
