/**
 * Runs the Raft simulation over many seeds, or one seed with its whole trace.
 *
 *     raft-sim.ts [--seeds N] [--from SEED] [--first] [--trace]
 *
 * Without `--from` the seeds are fresh; with `--first` it ends at the first failure. Failing seeds
 * are printed with what broke; the last line is the summary. Ends with status 1 when a seed failed,
 * 2 when called wrongly.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { addCounters, noCounters, RAFT_COUNTERS, simulateRaft } from "@atoll/sim";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string" },
    first: { type: "boolean", default: false },
    trace: { type: "boolean", default: false },
  },
});
const count = Number(values.seeds);
const from = values.from === undefined ? randomInt(2 ** 31) : Number(values.from);
if (!Number.isInteger(count) || count < 1 || !Number.isInteger(from) || from < 0) {
  process.stderr.write("--seeds takes a count of 1 or more, --from a seed of 0 or more\n");
  process.exit(2);
}

const sum = noCounters();
const started = performance.now();
let steps = 0;
let virtualMs = 0;
let failed = 0;
let ran = 0;
for (let seed = from; seed < from + count && !(values.first && failed > 0); seed += 1) {
  ran += 1;
  const result = simulateRaft(
    seed >>> 0,
    values.trace ? (line) => process.stdout.write(`${line}\n`) : undefined,
  );
  addCounters(sum, result.counters);
  steps += result.steps;
  virtualMs += result.virtualMs;
  if (result.failure !== undefined) {
    failed += 1;
    process.stdout.write(`seed ${result.seed}: ${result.failure.stack}\n`);
  }
}
const seconds = (performance.now() - started) / 1000;
for (const name of RAFT_COUNTERS) process.stdout.write(`${name} ${sum[name]}\n`);
process.stdout.write(
  `${ran - failed} of ${ran} seeds passed, ${failed} failed, from ${from}: ` +
    `${steps} steps, ${(virtualMs / 1000).toFixed(0)} virtual s in ${seconds.toFixed(1)} s\n`,
);
process.exitCode = failed > 0 ? 1 : 0;
