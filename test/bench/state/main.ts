/**
 * Measures what a datacenter's state takes on one replica: memory, idle processor time, and the
 * turns of the loop in which a snapshot is written and read and all nodes are watched.
 *
 *     npm run bench -- state [--nodes 1000,10000,100000]
 *
 * One process, no bus, no disk, one replica that watches all nodes by itself. Prints two tables.
 * Takes a minute and, at 100,000 nodes, three gigabytes.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { parseArgs } from "node:util";
import { Planner } from "@atoll/planner";
import { TurnTimes } from "../turn-times.ts";
import { DATACENTER, nodeName, stateOf } from "./state-of.ts";
import { WatchOfAll } from "./watch-of-all.ts";

const ROUNDS = 10;
const PIECE_BYTES = 131_072;

const { values } = parseArgs({
  options: { nodes: { type: "string", default: "1000,10000,100000" } },
});
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Of one replica: its state, and what it does while nothing happens. */
const memory = table("nodes", "state", "a node", "an event applied", "heartbeats *", "plans *");
const turns = table("nodes", "turn", "count", "median", "longest", "without collections");

for (const nodes of values.nodes.split(",").map(Number)) {
  await measure(nodes);
}
const lines = [...memory, "* of 1,000 nodes", "", ...turns];
process.stdout.write(`${lines.join("\n")}\n`);

async function measure(nodes: number): Promise<void> {
  collect();
  const before = process.memoryUsage();
  const apply = process.cpuUsage();
  const { state, events } = stateOf(nodes);
  const appliedUs = usedUs(apply) / events;
  collect();
  const after = process.memoryUsage();
  const bytes = after.heapUsed + after.external - before.heapUsed - before.external;

  const planner = new Planner({ view: state.datacenter, datacenter: DATACENTER });
  const planUs = perNodeUs(nodes, 2, (number) => {
    const { converged } = planner.planNode(nodeName(number), state.datacenter.stampMs);
    if (!converged) throw new Error(`${nodeName(number)} is not as wanted`);
  });
  const times = new TurnTimes();
  const watch = new WatchOfAll(state, nodes, (what, run) => times.run(what, run));
  watch.begin();
  const heard = process.cpuUsage();
  for (let round = 0; round < ROUNDS; round += 1) watch.second();
  const hearUs = usedUs(heard) / ROUNDS / nodes;
  watch.interrupt();
  watch.second();

  let chunks: Uint8Array[] = [];
  const slices = state.snapshotInSlices();
  for (let done = false; !done;) {
    times.run("a step of writing a snapshot", () => {
      const next = slices.next();
      if (next.done === true) done = true;
      else if (next.value.length > 0) chunks.push(next.value);
    });
  }
  const whole = Buffer.concat(chunks);
  chunks = [];
  const restored = state.restoreInPieces(state.appliedIndex);
  for (let at = 0; at < whole.length; at += PIECE_BYTES) {
    times.run("a piece of reading one", () => restored.take(whole.subarray(at, at + PIECE_BYTES)));
  }
  times.run("the end of reading one", () => restored.finish());
  watch.second();

  const { kinds } = await times.end();
  const cells = [
    `${(bytes / 1e6).toFixed(1)} MB`,
    `${(bytes / 1_000 / nodes).toFixed(1)} KB`,
    `${appliedUs.toFixed(1)} µs`,
    `${((hearUs * 1_000) / 1_000).toFixed(2)} ms/s`,
    `${((planUs * 1_000) / 30 / 1_000).toFixed(2)} ms/s`,
  ];
  memory.push(`| ${nodes} | ${cells.join(" | ")} |`);
  for (const { what, histogram, ownMsMax } of kinds) {
    const figures = [histogram.quantileMs(0.5), histogram.maxMs, ownMsMax];
    const cell = figures.map((ms) => `${ms.toFixed(1)} ms`).join(" | ");
    turns.push(`| ${nodes} | ${what} | ${histogram.count} | ${cell} |`);
  }
  process.stdout.write(
    `${nodes} nodes measured, snapshot of ${(whole.length / 1e6).toFixed(1)} MB\n`,
  );
}

function table(...heads: readonly string[]): string[] {
  return [`| ${heads.join(" | ")} |`, `| ${heads.map(() => "---").join(" | ")} |`];
}

function perNodeUs(nodes: number, rounds: number, run: (number: number) => void): number {
  for (let number = 0; number < nodes; number += 1) run(number);
  const from = process.cpuUsage();
  for (let round = 0; round < rounds; round += 1) {
    for (let number = 0; number < nodes; number += 1) run(number);
  }
  return usedUs(from) / rounds / nodes;
}

function usedUs(from: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(from);
  return user + system;
}
