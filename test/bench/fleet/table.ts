/**
 * A fleet's numbers as tables, and as a plot over time.
 */
import type { Machine } from "../raft/report.ts";
import type { NatsAloneResult } from "./nats-alone.ts";
import { drawPlot } from "./plot.ts";
import type { ProcessSample } from "./process-watch.ts";
import type { FleetReport, Latencies } from "./run-fleet.ts";

export interface Measured {
  readonly agents: number;
  readonly rate: number;
  readonly minutes: number;
  readonly nats: NatsAloneResult;
  readonly fleet: FleetReport;
  readonly processes: readonly ProcessSample[];
}

const MS_PER_SECOND = 1_000;

export function formatFleetTable(machine: Machine, all: readonly Measured[]): string {
  const { cores, processor, memoryGiB, system, kernel, node } = machine;
  return [
    `${cores} cores (${processor}), ${memoryGiB} GiB, ${system}, Linux ${kernel}, Node ${node}; ` +
      `everything and the fleet on this machine.`,
    "",
    ...heading([
      "agents",
      "facts offered",
      "into the state",
      "age in the state p50 / p99",
      "agent knows p50 / p99",
      "fact → action p50 / p99",
      "verdict",
    ]),
    ...all.map(formatPath),
    "",
    ...heading([
      "agents",
      "NATS alone",
      ...["cores: nats", "orchestrators", "gateway", "fleet"],
      ...["RSS: nats", "orchestrators, most", "gateway", "fleet"],
    ]),
    ...all.map(formatUse),
    "",
    ...heading(["for 1,000 nodes more", "cores", "RSS"]),
    ...formatPerThousand(all),
  ].join("\n");
}

function heading(names: readonly string[]): string[] {
  return [`| ${names.join(" | ")} |`, `| ${names.map(() => "---").join(" | ")} |`];
}

function formatPath({ agents, rate, fleet, processes }: Measured): string {
  const running = runningSamples(fleet, processes);
  const facts = running.reduce((sum, sample) => sum + sample.facts, 0);
  const spanMs = (running.at(-1)?.atMs ?? 0) - (running[0]?.atMs ?? 0);
  const perSecond = spanMs > 0 ? (facts / spanMs) * MS_PER_SECOND : 0;
  const cells = [
    agents.toLocaleString("en-US"),
    `${rate}/s`,
    `${perSecond.toFixed(0)}/s`,
    `${milliseconds(median(running.map(({ p50Ms }) => p50Ms)))} / ` +
      `${milliseconds(median(running.map(({ p99Ms }) => p99Ms)))}`,
    formatLatencies(fleet.commitMs),
    formatLatencies(fleet.actionMs),
    `${fleet.verdict}, ${fleet.counts["repeated"]} repeated, ${fleet.counts["unfenced"]} unfenced`,
  ];
  return `| ${cells.join(" | ")} |`;
}

function formatUse(measured: Measured): string {
  const use = useOf(measured);
  const cells = [
    measured.agents.toLocaleString("en-US"),
    `${measured.nats.perSecond.toFixed(0)}/s, p99 ${milliseconds(measured.nats.p99Ms)}`,
    ...Object.values(use.cores).map((cores) => cores.toFixed(2)),
    ...Object.values(use.rssMb).map((mb) => `${mb.toFixed(0)} MB`),
  ];
  return `| ${cells.join(" | ")} |`;
}

function formatPerThousand(all: readonly Measured[]): string[] {
  const sorted = all.toSorted((one, other) => one.agents - other.agents);
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (least === undefined || most === undefined || least === most) return [];
  const [few, many] = [useOf(least), useOf(most)];
  const thousands = (most.agents - least.agents) / 1_000;
  return (["nats", "orchestrators", "gateway", "fleet"] as const).map((name) => {
    const cores = (many.cores[name] - few.cores[name]) / thousands;
    const rssMb = (many.rssMb[name] - few.rssMb[name]) / thousands;
    return `| ${name} | ${cores.toFixed(3)} | ${rssMb.toFixed(1)} MB |`;
  });
}

/** The most that one process of a kind ever had, its start included. */
export function highestRssMb({ processes }: Measured, kind: string): number {
  return Math.max(0, ...processes.flatMap(({ rssMb }) => ofKind(rssMb, kind)));
}

type Use = Readonly<Record<"nats" | "orchestrators" | "gateway" | "fleet", number>>;

/** While the fleet ran: cores in the mean, orchestrators together; memory of the largest. */
function useOf({ fleet, processes }: Measured): { readonly cores: Use; readonly rssMb: Use } {
  const running = runningSamples(fleet, processes);
  const coresOf = (kind: string): number =>
    mean(running.map(({ cores }) => sum(ofKind(cores, kind))));
  const rssOf = (kind: string): number =>
    Math.max(0, ...running.flatMap(({ rssMb }) => ofKind(rssMb, kind)));
  const load = fleet.samples.filter(({ phase }) => phase === "running");
  const [first, last] = [load[0], load.at(-1)];
  const loadMs = (last?.atMs ?? 0) - (first?.atMs ?? 0);
  const loadCores = loadMs > 0 ? ((last?.cpuMs ?? 0) - (first?.cpuMs ?? 0)) / loadMs : 0;
  return {
    cores: {
      nats: coresOf("nats"),
      orchestrators: coresOf("orchestrator"),
      gateway: coresOf("gateway"),
      fleet: loadCores,
    },
    rssMb: {
      nats: rssOf("nats"),
      orchestrators: rssOf("orchestrator"),
      gateway: rssOf("gateway"),
      fleet: fleet.rssBytes / 1e6,
    },
  };
}

export function plotFleet({ agents, rate, fleet, processes }: Measured, machine: Machine): string {
  const beganMs = processes[0]?.atMs ?? 0;
  const seconds = processes.map(({ atMs }) => (atMs - beganMs) / MS_PER_SECOND);
  const names = Object.keys(processes[0]?.cores ?? {});
  const lines = (
    read: (sample: ProcessSample, name: string) => number | undefined,
  ): { name: string; values: (number | undefined)[] }[] =>
    names.map((name) => ({ name, values: processes.map((sample) => read(sample, name)) }));
  return drawPlot({
    title: `${agents.toLocaleString("en-US")} agents, ${rate} facts/s offered`,
    subtitle: `${machine.cores} cores, ${machine.processor}; everything on this machine`,
    seconds,
    phases: phasesOf(fleet, beganMs),
    panels: [
      {
        title: "age of facts when they are in the state, ms",
        lines: [
          { name: "p50", values: processes.map(({ p50Ms }) => finite(p50Ms)) },
          { name: "p99", values: processes.map(({ p99Ms }) => finite(p99Ms)) },
        ],
      },
      {
        title: "facts into the state, a second",
        lines: [{ name: "facts", values: processes.map(({ facts }) => facts) }],
      },
      { title: "cores busy", lines: lines(({ cores }, name) => cores[name]) },
      { title: "resident memory, MB", lines: lines(({ rssMb }, name) => rssMb[name]) },
    ],
  });
}

function phasesOf(
  { samples }: FleetReport,
  beganMs: number,
): { name: string; from: number; to: number }[] {
  return ["starting", "running", "draining"].flatMap((name) => {
    const of = samples.filter(({ phase }) => phase === name);
    const [first, last] = [of[0], of.at(-1)];
    if (first === undefined || last === undefined) return [];
    const at = (atMs: number): number => Math.max(0, (atMs - beganMs) / MS_PER_SECOND);
    return [{ name, from: at(first.atMs), to: at(last.atMs) }];
  });
}

function runningSamples(
  { samples }: FleetReport,
  processes: readonly ProcessSample[],
): readonly ProcessSample[] {
  const running = samples.filter(({ phase }) => phase === "running");
  const [fromMs, toMs] = [running[0]?.atMs ?? 0, running.at(-1)?.atMs ?? 0];
  return processes.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
}

function ofKind(values: Readonly<Record<string, number>>, kind: string): number[] {
  return Object.entries(values).flatMap(([name, value]) => (name.startsWith(kind) ? [value] : []));
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : sum(values) / values.length;
}

function median(values: readonly (number | undefined)[]): number {
  const sorted = values.filter((value) => value !== undefined).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function finite(value: number | undefined): number | undefined {
  return value !== undefined && Number.isFinite(value) ? value : undefined;
}

function formatLatencies({ count, p50Ms, p99Ms }: Latencies): string {
  return count === 0 ? "–" : `${milliseconds(p50Ms)} / ${milliseconds(p99Ms)}`;
}

function milliseconds(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}
