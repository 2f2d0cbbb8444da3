/**
 * Breaks the Raft packages in known ways and asks that the simulator or their tests notice.
 *
 *     npm run mutants -- [--seeds N] [--only TEXT] [--short]
 *
 * Each mutation is one change of the source in a copy of the packages, run for up to N seeds
 * (default 150, from seed 1), then through the packages' own tests. A mutation that nobody notices
 * is a hole in the suites. Before all of them the copy is run as it is, which must pass. With
 * `--short` only a handful is tried. The table says by what each was caught; the last line is the
 * summary. Status 0 when at least {@link CAUGHT_MIN_PERCENT} % were caught and the list has a
 * reason for each that was missed, and for no other; 1 when not, 2 when one no longer applies or
 * the packages fail as they are.
 */
import { parseArgs } from "node:util";
import { LEVEL_MUTATIONS } from "./raft-level-mutation-list.ts";
import { MEMBERSHIP_MUTATIONS } from "./raft-membership-mutation-list.ts";
import type { Mutation } from "./raft-mutation-list.ts";
import { MUTATIONS } from "./raft-mutation-list.ts";
import { RECOVERY_MUTATIONS } from "./raft-recovery-mutation-list.ts";
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
  const asIs = copy.simulated(20) ?? (values.short ? undefined : copy.tested("raft-ts"));
  if (asIs !== undefined) {
    print(`the packages fail as they are: ${asIs}`);
    return 2;
  }
  let caught = 0;
  let missed = 0;
  let broken = 0;
  let surprises = 0;
  for (const mutation of chosen) {
    const applied = copy.apply(mutation);
    const by = applied ? noticedBy(copy, mutation) : undefined;
    copy.restore(mutation);
    if (!applied) broken += 1;
    else if (by === undefined) missed += 1;
    else caught += 1;
    const { missedBecause } = mutation;
    if (applied && (by === undefined) !== (missedBecause !== undefined)) surprises += 1;
    const missedSo = missedBecause === undefined ? "MISSED" : `missed: ${missedBecause}`;
    const verdict = applied ? (by ?? missedSo) : "DOES NOT APPLY";
    const unexpected = by !== undefined && missedBecause !== undefined ? " (UNEXPECTED)" : "";
    print(`${mutation.name.padEnd(NAME_COLUMNS)} ${verdict}${unexpected}`);
  }
  const percent = chosen.length === 0 ? 0 : Math.floor((100 * caught) / chosen.length);
  print(
    `${caught} of ${chosen.length} mutations caught (${percent} %), ${missed} missed, ` +
      `${broken} do not apply; up to ${seeds} seeds each, from seed 1`,
  );
  if (broken > 0) return 2;
  return percent >= CAUGHT_MIN_PERCENT && surprises === 0 ? 0 : 1;
}

/** What noticed the mutation first; undefined when nothing did. */
function noticedBy(copy: MutationCopy, mutation: Mutation): string | undefined {
  const packageName = mutation.file.split("/")[0] as string;
  if (packageName === "raft-level") return copy.tested("raft-level");
  return copy.simulated(seeds) ?? copy.tested("raft-ts") ?? copy.tested("raft-replica");
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
