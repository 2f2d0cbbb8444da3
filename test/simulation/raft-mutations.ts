/**
 * Breaks the Raft core in known ways and asks that the simulator or the unit tests notice.
 *
 *     raft-mutations.ts [--seeds N] [--only TEXT]
 *
 * Each mutation is one change of the source in a copy of the packages, run for up to N seeds
 * (default 150, fixed ones), then through the packages' own tests. A mutation that nobody notices
 * is a hole in the suites. The last line is the summary; status 1 when a mutation that must be
 * caught was not, 2 when one no longer applies.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** Costs time or quiet, but breaks no promise that the simulator checks. */
  readonly harmless?: true;
}

/** The simulation of Raft alone; the rest of sim needs packages that are not copied. */
const SIMULATION_INDEX = `
export { addCounters, noCounters, RAFT_COUNTERS } from "./raft-counters.ts";
export { simulateRaft } from "./raft-simulation.ts";
`;

const CORE = "raft-ts/src";
const DRIVER = "raft-replica/src";

const MUTATIONS: readonly Mutation[] = [
  {
    name: "messages leave before term and vote are durable",
    file: `${CORE}/state.ts`,
    find: "return state.durable.term === state.term && state.durable.vote === state.vote;",
    replace: "return true;",
  },
  {
    name: "a candidate's own vote counts before it is durable",
    file: `${CORE}/election.ts`,
    find: 'if (state.role === "preCandidate" || ownVoteDurable)',
    replace: "if (ownVoteDurable || true)",
    harmless: true,
  },
  {
    name: "the vote is not written",
    file: `${CORE}/persistence.ts`,
    find: "{ term: state.term, vote: state.vote } : undefined",
    replace: "{ term: state.term, vote: 0 } : undefined",
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
    find: "const granted = mayGrant && isUpToDate(state, message);",
    replace: "const granted = mayGrant;",
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
    name: "an older write makes a snapshot durable",
    file: `${CORE}/persistence.ts`,
    find: "for (const pending of state.pendingWrites) pending.lastIndex = 0;",
    replace: "",
    harmless: true,
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
    name: "chunks of a snapshot are taken in any order",
    file: `${CORE}/snapshot-receive.ts`,
    find: "message.offset === incoming.receivedBytes &&",
    replace: "",
    harmless: true,
  },
  {
    name: "a snapshot is called installed before it is durable",
    file: `${CORE}/snapshot-receive.ts`,
    find: "if (metadata.index <= log.stableIndex) replyInstalled(state, metadata.index);",
    replace: "replyInstalled(state, metadata.index);",
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
    name: "a proposal counts as committed whatever was applied at its index",
    file: `${DRIVER}/pending-proposals.ts`,
    find: "const committed = entries[lastIndex - first]?.term === term;",
    replace: "const committed = lastIndex >= first;",
    harmless: true,
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
    file: `${DRIVER}/replica.ts`,
    find: "this.#proposals.add({ firstIndex, lastIndex, term, done });",
    replace: 'done({ type: "committed", firstIndex, lastIndex, term });',
  },
  {
    name: "entries are applied without waiting for the restored state",
    file: `${DRIVER}/replica.ts`,
    find: "if (held === undefined || this.#restoring) return;",
    replace: "if (held === undefined) return;",
  },
  {
    name: "a proposal that was overtaken is never answered",
    file: `${DRIVER}/replica.ts`,
    find: "if (lastIndex <= this.#appliedIndex) {",
    replace: "if (lastIndex < 0) {",
    harmless: true,
  },
  {
    name: "no quorum is checked",
    file: `${CORE}/tick.ts`,
    find: "  if (!alive) {",
    replace: "  if (!alive && alive !== false) {",
    harmless: true,
  },
  {
    name: "elections are not asked for first",
    file: `${CORE}/election.ts`,
    find: "  requestVotes(state, true);\n  settleElection(state);",
    replace: "  startElection(state, false);",
    harmless: true,
  },
];

const { values } = parseArgs({
  options: { seeds: { type: "string", default: "150" }, only: { type: "string", default: "" } },
});
const root = join(import.meta.dirname, "../..");

let caught = 0;
let missed = 0;
let broken = 0;
let harmless = 0;
for (const mutation of MUTATIONS) {
  if (!mutation.name.includes(values.only)) continue;
  const verdict = tryMutation(mutation);
  if (verdict === undefined) {
    broken += 1;
    process.stdout.write(`does not apply: ${mutation.name}\n`);
  } else if (verdict !== "") {
    caught += 1;
    process.stdout.write(`caught: ${mutation.name}: ${verdict}\n`);
  } else if (mutation.harmless) {
    harmless += 1;
    process.stdout.write(`harmless: ${mutation.name}\n`);
  } else {
    missed += 1;
    process.stdout.write(`MISSED: ${mutation.name}\n`);
  }
}
process.stdout.write(
  `${caught} mutations caught, ${missed} missed, ${harmless} harmless, ${broken} do not apply\n`,
);
process.exitCode = broken > 0 ? 2 : missed > 0 ? 1 : 0;

/**
 * What the simulator said first; empty when it noticed nothing; undefined when the source has
 * changed.
 */
function tryMutation(mutation: Mutation): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "atoll-mutation-"));
  try {
    for (const name of ["stdx", "raft-ts", "raft-replica", "sim"]) {
      cpSync(join(root, "libs", name, "src"), join(folder, "libs", name, "src"), {
        recursive: true,
      });
      cpSync(join(root, "libs", name, "package.json"), join(folder, "libs", name, "package.json"));
      const link = name === "raft-ts" ? name : `@atoll/${name}`;
      mkdirSync(join(folder, "node_modules/@atoll"), { recursive: true });
      symlinkSync(join(folder, "libs", name), join(folder, "node_modules", link));
    }
    writeFileSync(join(folder, "libs/sim/src/index.ts"), SIMULATION_INDEX);
    const file = join(folder, "libs", mutation.file);
    const source = readFileSync(file, "utf8");
    if (source.split(mutation.find).length !== 2) return undefined;
    writeFileSync(
      file,
      source.replace(mutation.find, () => mutation.replace),
    );
    const script = join(folder, "raft-sim.ts");
    cpSync(join(root, "test/simulation/raft-sim.ts"), script);
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    return simulated(folder, script) || tested(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The first failing seed. */
function simulated(folder: string, script: string): string {
  const args = ["--conditions=atoll-source", script, "--from", "1", "--seeds", values.seeds];
  const run = spawnSync(process.execPath, [...args, "--first"], {
    cwd: folder,
    encoding: "utf8",
    timeout: 120_000,
  });
  const line = run.stdout.split("\n").find((each) => each.startsWith("seed "));
  if (line !== undefined) return line.slice(0, 140);
  if (run.status === 0) return "";
  return run.signal === null ? run.stderr.slice(0, 140) : "it never came to an end";
}

/** The first failing test of the core and the driver. */
function tested(folder: string): string {
  cpSync(join(root, "test/data/raft"), join(folder, "test/data/raft"), { recursive: true });
  const globs = ["raft-ts", "raft-replica"].map((name) => `libs/${name}/src/*.test.ts`);
  const args = ["--conditions=atoll-source", "--test-reporter=tap", "--test", ...globs];
  const run = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: "utf8",
    timeout: 120_000,
  });
  if (run.status === 0) return "";
  const line = run.stdout.split("\n").find((each) => each.startsWith("not ok"));
  return `test ${line ?? run.stderr.slice(0, 140)}`;
}
