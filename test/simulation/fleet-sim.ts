/**
 * Runs a simulated datacenter of very many nodes from the command line.
 *
 *     npm run sim -- fleet [--nodes 100000] [--hours 24 | --minutes M] [--seed S]
 *
 * Prints the seed first, then how far it is, then what was counted; the last line is a summary, the
 * exit status 0 only when all held. `--every-heartbeat` leaves out no heartbeat: much slower, and
 * the digests are the same.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { simulateFleet } from "@atoll/sim";
import { formatTurns, TurnTimes } from "../bench/turn-times.ts";

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "100000" },
    hours: { type: "string", default: "24" },
    minutes: { type: "string" },
    seed: { type: "string", default: String(randomInt(2 ** 31)) },
    "every-heartbeat": { type: "boolean", default: false },
  },
});
const nodes = Number(values.nodes);
const minutes = Number(values.minutes ?? Number(values.hours) * 60);
const seed = Number(values.seed);
if (
  !Number.isSafeInteger(nodes) ||
  nodes < 800 ||
  !(minutes >= 18.5) ||
  !Number.isSafeInteger(seed)
) {
  process.stderr.write("--nodes must be 800 or more, --minutes 18.5 or more, --seed whole\n");
  process.exit(2);
}
process.stdout.write(`seed ${seed}\n`);
const beginMs = performance.now();
const beginCpu = process.cpuUsage();
const turns = new TurnTimes();

const { failure, counts, faults, powerLosses, ...rest } = simulateFleet(seed, {
  nodes,
  minutes,
  everyHeartbeat: values["every-heartbeat"],
  onProgress: (line) => {
    const seconds = Math.round((performance.now() - beginMs) / 1_000);
    process.stdout.write(`${String(seconds).padStart(5)} s  ${line}, ${rssMb()} MB\n`);
  },
  turn: (what, run, at) => turns.run(what, run, at),
});

for (const [name, count] of Object.entries({ ...faults, ...counts })) {
  process.stdout.write(`${name.padEnd(24)}${String(count).padStart(12)}\n`);
}
// The largest losses of power, and those that took longest.
const losses = powerLosses.toSorted(
  (left, right) => right.nodes - left.nodes || right.rightAfterMs - left.rightAfterMs,
);
for (const { domain, nodes: dark, darkMs, ...came } of losses.slice(0, 5)) {
  const { sightsLost, nodesLost, storms, actions, rightAfterMs } = came;
  const lost = `${sightsLost} sightLost, ${nodesLost} nodes lost, ${storms} storms`;
  const forS = `${(darkMs / 1_000).toFixed(0)} s without power`;
  const right = `${actions} actions, all right ${(rightAfterMs / 1_000).toFixed(0)} s after it`;
  process.stdout.write(`${domain}: ${dark} nodes ${forS}: ${lost}, ${right}\n`);
}
for (const line of formatTurns(await turns.end())) process.stdout.write(`${line}\n`);
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
