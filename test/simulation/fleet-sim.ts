/**
 * Runs a simulated datacenter of very many nodes from the command line.
 *
 *     npm run sim -- fleet [--nodes 100000] [--hours 24] [--seed S]
 *
 * Prints the seed first, then how far it is, then what was counted; the last line is a summary, the
 * exit status 0 only when all held. `--every-heartbeat` leaves out no heartbeat: much slower, and
 * the digests are the same.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { simulateFleet, type Turn } from "@atoll/sim";
import { Histogram } from "@atoll/stdx";

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "100000" },
    hours: { type: "string", default: "24" },
    seed: { type: "string", default: String(randomInt(2 ** 31)) },
    "every-heartbeat": { type: "boolean", default: false },
  },
});
const nodes = Number(values.nodes);
const minutes = Number(values.hours) * 60;
const seed = Number(values.seed);
if (
  !Number.isSafeInteger(nodes) ||
  nodes < 800 ||
  !(minutes >= 20) ||
  !Number.isSafeInteger(seed)
) {
  process.stderr.write("--nodes must be 800 or more, --hours a third or more, --seed whole\n");
  process.exit(2);
}
process.stdout.write(`seed ${seed}\n`);
const beginMs = performance.now();
const beginCpu = process.cpuUsage();
const turns = new Map<Turn, Histogram>();

const { failure, counts, faults, ...rest } = simulateFleet(seed, {
  nodes,
  minutes,
  everyHeartbeat: values["every-heartbeat"],
  onProgress: (line) => {
    const seconds = Math.round((performance.now() - beginMs) / 1_000);
    process.stdout.write(`${String(seconds).padStart(5)} s  ${line}, ${rssMb()} MB\n`);
  },
  turn: (what, run) => {
    // Of this thread: what else runs on the machine does not count.
    const from = process.threadCpuUsage();
    run();
    const { user, system } = process.threadCpuUsage(from);
    const histogram = turns.get(what) ?? new Histogram();
    turns.set(what, histogram);
    histogram.record((user + system) / 1_000);
  },
});

for (const [name, count] of Object.entries({ ...faults, ...counts })) {
  process.stdout.write(`${name.padEnd(24)}${String(count).padStart(12)}\n`);
}
for (const [what, histogram] of turns) {
  const figures = [0.5, 0.99, 0.9999].map((share) => histogram.quantileMs(share).toFixed(2));
  const most = `${histogram.count} turns, median ${figures[0]} ms, 99 % ${figures[1]} ms`;
  const longest = `99.99 % ${figures[2]} ms, longest ${histogram.maxMs.toFixed(1)} ms`;
  process.stdout.write(`${what.padEnd(24)}${most}, ${longest}\n`);
}
const { user, system } = process.cpuUsage(beginCpu);
const cpuS = (user + system) / 1_000_000;
const virtualS = rest.virtualMs / 1_000;
process.stdout.write(`log ${rest.digest}, state ${rest.stateDigest}\n`);
const mbEach = ((rssMb() * 1_000) / nodes).toFixed(1);
const cpuEach = ((cpuS * 1_000 * 1_000) / virtualS / nodes).toFixed(3);
process.stdout.write(`per 1,000 nodes: ${mbEach} MB, ${cpuEach} ms of CPU a simulated second\n`);
const tookS = ((performance.now() - beginMs) / 1_000).toFixed(0);
const speed = `${(virtualS / 3_600).toFixed(1)} h in ${tookS} s, ${cpuS.toFixed(0)} s of CPU`;
const heard = `${rest.heartbeats} heartbeats one by one`;
if (failure !== undefined) process.stdout.write(`${failure.stack}\n`);
const outcome = failure === undefined ? "all held" : `FAILED: ${failure.message}`;
process.stdout.write(`seed ${seed}, ${nodes} nodes: ${speed}, ${heard}; ${outcome}\n`);
process.exitCode = failure === undefined ? 0 : 1;

function rssMb(): number {
  return Math.round(process.memoryUsage.rss() / 1_000_000);
}
