/**
 * Runs whole simulated datacenters from the command line.
 *
 *     npm run sim -- datacenter --seeds 1000 [--from 1]
 *
 * Prints each seed that fails with its reason; the last line is a summary, the exit status 0 only
 * when all held.
 */
import { parseArgs } from "node:util";
import { simulateDatacenter } from "@atoll/sim";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
  },
});
const seeds = Number(values.seeds);
const from = Number(values.from);
if (!Number.isSafeInteger(seeds) || seeds < 1 || !Number.isSafeInteger(from) || from < 0) {
  process.stderr.write("--seeds must be a whole number from 1, --from one from 0\n");
  process.exit(2);
}
process.stdout.write(`seeds ${from} to ${from + seeds - 1}\n`);
const beginMs = performance.now();
let failed = 0;
let virtualMs = 0;
for (let seed = from; seed < from + seeds; seed += 1) {
  const result = simulateDatacenter(seed);
  virtualMs += result.virtualMs;
  if (result.failure === undefined) continue;
  failed += 1;
  process.stdout.write(`seed ${seed}: ${result.failure.message}\n`);
}
const elapsedMs = performance.now() - beginMs;
const simulatedS = Math.round(virtualMs / 1_000);
const took = `${simulatedS} s of simulated time in ${(elapsedMs / 1_000).toFixed(1)} s`;
const speed = `${Math.round(virtualMs / elapsedMs)} times real time`;
process.stdout.write(`${seeds - failed} passed, ${failed} failed; ${took}, ${speed}\n`);
process.exitCode = failed === 0 ? 0 : 1;
