/**
 * Histories of real processes under faults, as long as one likes.
 *
 *     npm run linearizability -- [--minutes N] [--seed SEED] [--history FILE]
 *
 * Three replicas on loopback, killed, stopped, cut off, with disks that are slow and disks that
 * lie; clients on registers; rounds of a minute, each with a cluster of its own and the next seed.
 * The last line is the summary; the exit status is 0 only when every history was linearizable,
 * every damage was noticed and every replica came back.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { runOnProcesses } from "./run.ts";

const ROUND_MS = 60_000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    seed: { type: "string" },
    history: { type: "string" },
  },
});
const minutes = Number(values.minutes);
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
if (!(minutes > 0) || !Number.isSafeInteger(seed) || seed < 0) {
  process.stderr.write("--minutes takes a number above 0, --seed a whole number from 0\n");
  process.exit(2);
}
process.exitCode = await run();

async function run(): Promise<number> {
  const endMs = performance.now() + minutes * 60_000;
  let rounds = 0;
  let failed = 0;
  let operations = 0;
  let unknown = 0;
  let faults = 0;
  let rebuilt = 0;
  while (performance.now() < endMs) {
    const durationMs = Math.min(ROUND_MS, Math.max(5_000, endMs - performance.now()));
    const roundSeed = seed + rounds;
    print(`seed ${roundSeed}: ${Math.round(durationMs / 1000)} s`);
    const historyFile = values.history;
    const result = await runOnProcesses({ seed: roundSeed, durationMs, historyFile });
    rounds += 1;
    operations += result.operations;
    unknown += result.counts.unknown;
    faults += Object.values(result.faults).reduce((sum, count) => sum + count, 0);
    rebuilt += result.rebuilt;
    print(`  ${JSON.stringify(result.counts)} ${JSON.stringify(result.faults)}`);
    if (result.problems.length === 0) continue;
    failed += 1;
    for (const problem of result.problems) print(`  ${problem}`);
    print(`  the history is in ${result.historyFile}`);
  }
  print(
    `${rounds - failed} rounds held, ${failed} failed; ${operations} operations, ` +
      `${unknown} of unknown outcome, ${faults} faults, ${rebuilt} logs rebuilt, from seed ${seed}`,
  );
  return failed === 0 ? 0 : 1;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
