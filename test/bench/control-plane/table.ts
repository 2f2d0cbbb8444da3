/**
 * The control plane's numbers as one table: median and worst of the rounds.
 */
import type { Machine } from "../raft/report.ts";
import { type CoresBusy, formatCores } from "./cores-busy.ts";

export interface Measured {
  readonly type: string;
  readonly round?: number;
  readonly rate?: number;
  readonly inFlight?: number;
  readonly agents?: number;
  readonly perSecond?: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly maxMs?: number;
  readonly count?: number;
  readonly cores?: CoresBusy;
  readonly rssMb?: number;
}

export function formatControlPlaneTable(machine: Machine, measured: readonly Measured[]): string {
  const byTitle = new Map<string, Measured[]>();
  for (const one of measured) {
    const title = titleOf(one);
    byTitle.set(title, [...(byTitle.get(title) ?? []), one]);
  }
  const rows = [...byTitle].map(([title, results]) => {
    const sorted = results.toSorted((one, other) => badness(one) - badness(other));
    const median = sorted[Math.floor((sorted.length - 1) / 2)];
    return { title, median, worst: sorted.at(-1) };
  });
  const { cores, processor, memoryGiB, system, kernel, node } = machine;
  return [
    `${cores} cores (${processor}), ${memoryGiB} GiB, ${system}, Linux ${kernel}, Node ${node}; ` +
      `everything and the load on this machine.`,
    "",
    "| what | median of the rounds | worst round |",
    "| --- | --- | --- |",
    ...rows.map(({ title, median, worst }) => `| ${title} | ${cell(median)} | ${cell(worst)} |`),
    "",
    "| cores busy in the median round | nats-server | orchestrators | gateway | load | together |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows.flatMap(({ title, median }) =>
      median?.cores === undefined || median.rssMb !== undefined
        ? []
        : [`| ${title} | ${formatCores(median.cores)} |`],
    ),
  ].join("\n");
}

/** What rounds are ordered by: the tail of the latency, or for an agent its memory. */
function badness({ p99Ms, rssMb }: Measured): number {
  return p99Ms ?? rssMb ?? 0;
}

function titleOf({ type, rate, agents, inFlight }: Measured): string {
  const offered = `events of ${agents} agents, ${rate}/s offered`;
  if (type === "events") return `${offered} → in the state`;
  if (type === "acknowledged") return `${offered} → agent knows that it is committed`;
  if (type === "agent") return "an idle agent";
  if (type === "bare") return "a Node process that does nothing";
  if (type === "actions") return "fact at the agent → order at the agent, idle system";
  if (type === "health") return `calls that do nothing, unary gRPC, ${inFlight} in flight`;
  return `API writes, unary gRPC, ${inFlight} in flight`;
}

function cell(measured: Measured | undefined): string {
  if (measured === undefined) return "–";
  const { perSecond, p50Ms = 0, p99Ms = 0, rssMb, cores = {} } = measured;
  if (rssMb !== undefined) {
    const shares = Object.values(cores).map((share) => `${(share * 100).toFixed(2)} % of a core, `);
    return `${shares.join("")}${rssMb.toFixed(0)} MB`;
  }
  const rate =
    perSecond === undefined ? "" : `${Math.round(perSecond).toLocaleString("en-US")}/s, `;
  return `${rate}p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`;
}
