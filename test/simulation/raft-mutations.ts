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
import type { Mutation } from "./raft-mutation-list.ts";
import { MUTATIONS } from "./raft-mutation-list.ts";

/** The simulation of Raft alone; the rest of sim needs packages that are not copied. */
const SIMULATION_INDEX = `
export { addCounters, noCounters, RAFT_COUNTERS } from "./raft-counters.ts";
export { simulateRaft } from "./raft-simulation.ts";
`;

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
