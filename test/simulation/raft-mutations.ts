/**
 * Breaks the Raft packages in known ways and asks that the simulator or their tests notice.
 *
 *     npm run mutants -- [--seeds N] [--only TEXT] [--short]
 *
 * Each mutation is one change of the source in a copy of the packages, run for up to N seeds
 * (default 150, from seed 1), then through the packages' own tests. A mutation that nobody notices
 * is a hole in the suites. Before all of them the copy as it is must pass exactly the runs that are
 * to judge. Only a check that fails has caught a mutation: one that cannot be loaded is to be
 * renewed, and one that takes too long is missed.
 * With `--short` only a handful is tried, by the simulation alone. The table says by what each was
 * caught; the last line is the summary. Status 0 when at least {@link CAUGHT_MIN_PERCENT} % were
 * caught and the list has a reason for each that was missed, and for no other; 1 when not, 2 when
 * one no longer applies or loads, or the packages fail as they are.
 */
import { parseArgs } from "node:util";
import { LEVEL_MUTATIONS } from "./raft-level-mutation-list.ts";
import { MEMBERSHIP_MUTATIONS } from "./raft-membership-mutation-list.ts";
import type { Mutation } from "./raft-mutation-list.ts";
import { MUTATIONS } from "./raft-mutation-list.ts";
import { RECOVERY_MUTATIONS } from "./raft-recovery-mutation-list.ts";
import type { Verdict } from "./mutation-copy.ts";
import { MutationCopy } from "./mutation-copy.ts";

const CAUGHT_MIN_PERCENT = 95;
const ALL: readonly Mutation[] = [
  ...MUTATIONS,
  ...MEMBERSHIP_MUTATIONS,
  ...RECOVERY_MUTATIONS,
  ...LEVEL_MUTATIONS,
];
/** Those of the short form, all of which fall within the first seeds. */
const SHORT: readonly string[] = [
  "messages leave before term and vote are durable",
  "commits entries of earlier terms by counting",
  "reads do not wait for the no-op",
  "a follower acknowledges before it is durable",
  "proposals are answered once they are in the log",
  "an undecided proposal is called refused",
];
const NAME_COLUMNS = 66;
const DOES_NOT_APPLY: Verdict = { type: "broken", reason: "the text to find is not there once" };

type Judge = "simulation" | "raft-ts" | "raft-replica" | "raft-level";

interface Tally {
  caught: number;
  missed: number;
  unusable: number;
  /** Missed without a reason in the list, or caught in spite of one. */
  surprises: number;
}

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "150" },
    only: { type: "string", default: "" },
    short: { type: "boolean", default: false },
  },
});
const seeds = Number(values.seeds);
if (!Number.isInteger(seeds) || seeds < 1) {
  process.stderr.write("--seeds takes a count of 1 or more\n");
  process.exit(2);
}
process.exitCode = run();

function run(): number {
  const chosen = ALL.filter(({ name }) => name.includes(values.only)).filter(
    ({ name }) => !values.short || SHORT.includes(name),
  );
  using copy = new MutationCopy();
  for (const judge of new Set(chosen.flatMap(judgesOf))) {
    const asIs = judgement(copy, judge);
    if (asIs.type === "passed") continue;
    print(`the packages fail as they are: ${textOf(asIs)}`);
    return 2;
  }
  const tally = { caught: 0, missed: 0, unusable: 0, surprises: 0 };
  for (const mutation of chosen) {
    const applied = copy.apply(mutation);
    const verdict = applied ? verdictOn(copy, mutation) : DOES_NOT_APPLY;
    copy.restore(mutation);
    print(`${mutation.name.padEnd(NAME_COLUMNS)} ${judged(mutation, verdict, tally)}`);
  }
  const { caught, missed, unusable, surprises } = tally;
  const percent = chosen.length === 0 ? 0 : Math.floor((100 * caught) / chosen.length);
  print(
    `${caught} of ${chosen.length} mutations caught (${percent} %), ${missed} missed, ` +
      `${unusable} do not apply or load; up to ${seeds} seeds each, from seed 1`,
  );
  if (unusable > 0) return 2;
  return percent >= CAUGHT_MIN_PERCENT && surprises === 0 ? 0 : 1;
}

/** What judges a mutation, in order; the simulator sees nothing of the log on disk. */
function judgesOf(mutation: Mutation): readonly Judge[] {
  if (mutation.file.startsWith("raft-level/")) return ["raft-level"];
  return values.short ? ["simulation"] : ["simulation", "raft-ts", "raft-replica"];
}

function judgement(copy: MutationCopy, judge: Judge): Verdict {
  return judge === "simulation" ? copy.simulated(seeds) : copy.tested(judge);
}

/** Where one judge takes too long, another may still say what is wrong. */
function verdictOn(copy: MutationCopy, mutation: Mutation): Verdict {
  let verdict = copy.loaded(mutation);
  for (const judge of judgesOf(mutation)) {
    if (verdict.type === "caught" || verdict.type === "broken") break;
    const next = judgement(copy, judge);
    if (next.type !== "passed") verdict = next;
  }
  return verdict;
}

/** Counts a verdict and says it. */
function judged(mutation: Mutation, verdict: Verdict, tally: Tally): string {
  const { missedBecause } = mutation;
  if (verdict.type === "broken") {
    tally.unusable += 1;
    return textOf(verdict);
  }
  const caught = verdict.type === "caught";
  tally[caught ? "caught" : "missed"] += 1;
  const expected = caught === (missedBecause === undefined);
  if (!expected) tally.surprises += 1;
  if (caught) return `${textOf(verdict)}${expected ? "" : " (UNEXPECTED)"}`;
  return expected ? `missed: ${missedBecause}` : `MISSED: ${textOf(verdict)}`;
}

function textOf(verdict: Verdict): string {
  switch (verdict.type) {
    case "passed":
      return "everything passes";
    case "caught":
      return verdict.by;
    case "endless":
      return `takes too long: ${verdict.where}`;
    case "broken":
      return `DOES NOT RUN: ${verdict.reason}`;
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
