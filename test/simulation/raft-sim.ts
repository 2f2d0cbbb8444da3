/**
 * Runs the Raft simulation over many seeds, or one seed with its whole trace.
 *
 *     npm run sim -- [--seeds N] [--from SEED] [--first] [--trace] [--history FILE]
 *
 * Without `--from` the seeds are fresh; the first is printed at once. A seed that fails is run
 * again, which must give the same run bit for bit, and its last events are printed. With `--first`
 * it ends there; `--trace` prints every event; `--history` writes the clients' history of the last
 * seed. From {@link SOMETIMES_SEEDS} seeds on, every situation of the counters must have been
 * reached. The last line is the summary. Ends with status 1 when something did not hold, or when
 * more histories than {@link undecidedMax} were too long to search, 2 when called wrongly.
 */
import { randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { formatHistory } from "@atoll/linearizability";
import { addCounters, noCounters, RAFT_COUNTERS, simulateRaft, undecidedMax } from "@atoll/sim";
import type { RaftSimulationResult } from "@atoll/sim";

/** So many seeds reach every situation, fresh ones too. */
const SOMETIMES_SEEDS = 500;
const PROGRESS_MS = 10_000;
const TRACE_LINES = 25;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string" },
    first: { type: "boolean", default: false },
    trace: { type: "boolean", default: false },
    history: { type: "string" },
  },
});
const count = Number(values.seeds);
const from = values.from === undefined ? randomInt(2 ** 31) : Number(values.from);
if (!Number.isInteger(count) || count < 1 || !Number.isInteger(from) || from < 0) {
  process.stderr.write("--seeds takes a count of 1 or more, --from a seed of 0 or more\n");
  process.exit(2);
}
process.exitCode = run();

function run(): number {
  print(`seeds ${from} to ${from + count - 1}`);
  const sum = noCounters();
  const startedMs = performance.now();
  let shownMs = startedMs;
  let steps = 0;
  let virtualMs = 0;
  let failed = 0;
  let undecided = 0;
  let ran = 0;
  for (let seed = from; seed < from + count && !(values.first && failed > 0); seed += 1) {
    const result = simulateRaft(seed >>> 0, values.trace ? print : undefined);
    ran += 1;
    if (result.isUndecided) undecided += 1;
    addCounters(sum, result.counters);
    steps += result.steps;
    virtualMs += result.virtualMs;
    if (values.history !== undefined) writeFileSync(values.history, formatHistory(result.history));
    if (result.failure !== undefined) {
      failed += 1;
      explain(result);
    }
    if (performance.now() - shownMs < PROGRESS_MS) continue;
    shownMs = performance.now();
    const seconds = ((shownMs - startedMs) / 1000).toFixed(0);
    print(`… ${ran} of ${count} seeds in ${seconds} s, ${failed} failed`);
  }
  const elapsedMs = performance.now() - startedMs;
  for (const name of RAFT_COUNTERS) print(`${name} ${sum[name]}`);
  const never = RAFT_COUNTERS.filter((name) => sum[name] === 0);
  const allowed = undecidedMax(ran);
  if (undecided > 0) print(`${undecided} histories were too long to search, ${allowed} may be`);
  const misses = ran >= SOMETIMES_SEEDS ? never.length : 0;
  if (misses > 0) print(`never reached in ${ran} seeds: ${never.join(", ")}`);
  const speed = `${Math.round(virtualMs / elapsedMs)} times real time`;
  print(
    `${ran - failed} of ${ran} seeds passed, ${failed} failed, ` +
      `${misses} situations never reached; ` +
      `from ${from}, ${steps} steps, ${Math.round(virtualMs / 1000)} s of simulated time ` +
      `in ${(elapsedMs / 1000).toFixed(1)} s, ${speed}`,
  );
  return failed > 0 || misses > 0 || undecided > allowed ? 1 : 0;
}

/** What broke, what happened last, and whether it happens again. */
function explain(result: RaftSimulationResult): void {
  const { seed, failure, digest } = result;
  print(`seed ${seed}: ${failure?.stack ?? ""}`);
  const lines: string[] = [];
  const again = simulateRaft(seed, (line) => {
    lines.push(line);
    if (lines.length > 2 * TRACE_LINES) lines.splice(0, TRACE_LINES);
  });
  for (const line of lines.slice(-TRACE_LINES)) print(`  ${line.slice(0, 200)}`);
  const same = again.digest === digest && again.failure?.message === failure?.message;
  const replay = `npm run sim -- --seeds 1 --from ${seed} --trace`;
  print(same ? `  the same again: ${replay}` : `  NOT THE SAME AGAIN: ${again.failure?.message}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
