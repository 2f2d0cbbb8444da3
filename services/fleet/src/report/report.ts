/**
 * What a run showed, as data and as text.
 */
import type { Histogram } from "@atoll/stdx";
import type { FleetOutcome, FleetState } from "../load/coordinator.ts";
import type { Scenario } from "../scenario/scenario.ts";
import type { Sample } from "./samples.ts";
import type { TallyName } from "./tally.ts";

export type Verdict = "ok" | "violated" | "notSettled" | "notDrained" | "interrupted";

interface Latencies {
  readonly count: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface FleetReport {
  readonly verdict: Verdict;
  readonly scenario: Scenario;
  readonly workers: number;
  readonly settleMs: number;
  readonly runMs: number;
  readonly drainMs: number;
  /** Facts that are not known to be committed. */
  readonly waiting: number;
  readonly openActions: number;
  readonly counts: Readonly<Record<TallyName, number>>;
  /** From a fact in the outbox to the agent's knowledge that it is committed. */
  readonly commitMs: Latencies;
  /** From a crash in the outbox to the accepted order that answers it. */
  readonly actionMs: Latencies;
  readonly violations: readonly string[];
  readonly rssBytes: number;
  readonly cpuMs: number;
  readonly samples: readonly Sample[];
}

const MS_PER_SECOND = 1_000;
const BYTES_PER_MB = 1e6;

export function makeReport(
  outcome: FleetOutcome,
  run: {
    readonly scenario: Scenario;
    readonly interrupted: boolean;
    readonly samples: readonly Sample[];
  },
): FleetReport {
  const { workers, settleMs, runMs, drainMs, state } = outcome;
  const { counts, violations } = state.tally.data();
  return {
    verdict: verdictOf(outcome, run.interrupted),
    scenario: run.scenario,
    workers,
    settleMs: Math.round(settleMs),
    runMs: Math.round(runMs),
    drainMs: Math.round(drainMs),
    waiting: state.waiting,
    openActions: state.openActions,
    counts,
    commitMs: latencies(state.tally.commitMs),
    actionMs: latencies(state.tally.actionMs),
    violations,
    rssBytes: state.rssBytes,
    cpuMs: Math.round(state.cpuMs),
    samples: run.samples,
  };
}

function verdictOf({ state, settled, drained }: FleetOutcome, interrupted: boolean): Verdict {
  if (state.tally.of("repeated") + state.tally.of("unfenced") > 0) return "violated";
  if (interrupted) return "interrupted";
  if (!settled) return "notSettled";
  // What agents know is what counts, whatever the processes said.
  const left = state.tally.of("factsTaken") - state.tally.of("factsWiped");
  return drained && state.tally.of("factsCommitted") === left ? "ok" : "notDrained";
}

/** One line about the last second. */
export function formatProgress(state: FleetState, before: FleetState | undefined): string {
  const { phase, connected, settled, waiting, openActions, tally } = state;
  const recent = tally.commitMs.since(before?.tally.commitMs.counts() ?? { buckets: [], maxMs: 0 });
  const committed = tally.of("factsCommitted") - (before?.tally.of("factsCommitted") ?? 0);
  const words = [
    phase.padEnd(8),
    `${connected} connected`,
    phase === "starting" ? `${settled} known` : `${committed} facts committed/s`,
    `${waiting} waiting`,
    `${openActions} actions open`,
  ];
  if (recent.count > 0) words.push(`p99 ${milliseconds(recent.quantileMs(0.99))}`);
  const violations = tally.of("repeated") + tally.of("unfenced");
  if (violations > 0) words.push(`${violations} VIOLATIONS`);
  return `${words.join(", ")}\n`;
}

export function formatReport(report: FleetReport): string {
  const { scenario, counts, workers, settleMs, runMs, drainMs, waiting } = report;
  const perSecond = (counts.factsCommitted / Math.max(1, settleMs + runMs + drainMs)) * 1_000;
  const lines: [string, string][] = [
    ["verdict", report.verdict],
    ["agents", `${scenario.agents} in ${workers} processes, seed ${scenario.seed}`],
    ["known", `after ${seconds(settleMs)}`],
    ["ran", `${seconds(runMs)}, then ${seconds(drainMs)} until outboxes were empty`],
    ["facts taken", `${counts.factsTaken}`],
    ["facts committed", `${counts.factsCommitted}, ${perSecond.toFixed(0)}/s over the whole run`],
    ["facts waiting", `${waiting}`],
    ["facts wiped", `${counts.factsWiped}`],
    ["fact → committed", formatLatencies(report.commitMs)],
    ["fact → action", formatLatencies(report.actionMs)],
    ["orders", `${counts.ordersAccepted} accepted, ${counts.ordersRefused} refused`],
    ["actions", `${counts.actionsRun} run, ${counts.actionsFinished} finished`],
    ["happenings", `${counts.happenings}`],
    ["sent again", `${counts.resends} times, ${counts.publishFailures} batches refused`],
    ["connections", `${counts.connectionsLost} lost`],
    ["repeated", `${counts.repeated}`],
    ["unfenced", `${counts.unfenced}`],
    ["this program", `${megabytes(report.rssBytes)}, ${seconds(report.cpuMs)} of processor`],
    ...report.violations.map((words): [string, string] => ["VIOLATION", words]),
  ];
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join("");
}

function latencies(histogram: Histogram): Latencies {
  return {
    count: histogram.count,
    p50Ms: histogram.quantileMs(0.5),
    p90Ms: histogram.quantileMs(0.9),
    p99Ms: histogram.quantileMs(0.99),
    maxMs: histogram.maxMs,
  };
}

function formatLatencies({ count, p50Ms, p99Ms, maxMs }: Latencies): string {
  if (count === 0) return "none";
  const [p50, p99, max] = [p50Ms, p99Ms, maxMs].map(milliseconds);
  return `p50 ${p50}, p99 ${p99}, at most ${max}, of ${count}`;
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(1)} ms`;
}

function seconds(ms: number): string {
  return `${(ms / MS_PER_SECOND).toFixed(1)} s`;
}

function megabytes(bytes: number): string {
  return `${(bytes / BYTES_PER_MB).toFixed(0)} MB`;
}
