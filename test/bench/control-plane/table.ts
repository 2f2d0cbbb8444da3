/**
 * The control plane's numbers as one table: median and worst of the rounds.
 */
import type { Machine } from "../raft/report.ts";

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
}

export function formatControlPlaneTable(machine: Machine, measured: readonly Measured[]): string {
  const rows = new Map<string, Measured[]>();
  for (const one of measured) {
    const title = titleOf(one);
    rows.set(title, [...(rows.get(title) ?? []), one]);
  }
  const { cores, processor, memoryGiB, system, kernel, node } = machine;
  return [
    `${cores} cores (${processor}), ${memoryGiB} GiB, ${system}, Linux ${kernel}, Node ${node}; ` +
      `everything and the load on this machine.`,
    "",
    "| what | median of the rounds | worst round |",
    "| --- | --- | --- |",
    ...[...rows].map(([title, results]) => {
      const sorted = results.toSorted((one, other) => (one.p99Ms ?? 0) - (other.p99Ms ?? 0));
      const median = sorted[Math.floor((sorted.length - 1) / 2)];
      return `| ${title} | ${cell(median)} | ${cell(sorted.at(-1))} |`;
    }),
  ].join("\n");
}

function titleOf({ type, rate, agents, inFlight }: Measured): string {
  const offered = `events of ${agents} agents, ${rate}/s offered`;
  if (type === "events") return `${offered} → in the state`;
  if (type === "acknowledged") return `${offered} → agent knows that it is committed`;
  if (type === "actions") return "fact at the agent → order at the agent, idle system";
  return `API writes, unary gRPC, ${inFlight} in flight`;
}

function cell(measured: Measured | undefined): string {
  if (measured === undefined) return "–";
  const { perSecond, p50Ms = 0, p99Ms = 0 } = measured;
  const rate =
    perSecond === undefined ? "" : `${Math.round(perSecond).toLocaleString("en-US")}/s, `;
  return `${rate}p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`;
}
