/**
 * Where results go: raw numbers into a file, one table to read.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { arch, cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import type { FailoverResult, LeaderLoss, ReadCounts } from "./failover.ts";
import type { LoadResult } from "./measure.ts";

export const RESULTS_FOLDER: string = join(import.meta.dirname, "..", "results");

export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly system: string;
  readonly node: string;
}

export interface RaftReport {
  readonly startedAt: string;
  readonly machine: Machine;
  readonly systems: readonly { readonly name: string; readonly version: string }[];
  readonly settings: Record<string, unknown>;
  readonly load: { readonly system: string; readonly round: number; readonly result: LoadResult }[];
  readonly failover: {
    readonly system: string;
    readonly round: number;
    readonly signal: LeaderLoss;
    readonly result: FailoverResult;
  }[];
}

export function describeMachine(): Machine {
  const osRelease = readFileSync("/etc/os-release", "utf8");
  return {
    cores: cpus().length,
    processor: `${cpus()[0]?.model ?? "unknown"} (${arch()})`,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    system: /PRETTY_NAME="([^"]*)"/.exec(osRelease)?.[1] ?? "unknown",
    node: process.version,
  };
}

/** Writes `report` beside the others and returns the file's path. */
export function writeReport(report: RaftReport): string {
  mkdirSync(RESULTS_FOLDER, { recursive: true });
  const path = join(RESULTS_FOLDER, `raft-${report.startedAt.replaceAll(/[:.]/g, "-")}.json`);
  writeFileSync(path, `${JSON.stringify(report, undefined, 2)}\n`);
  return path;
}

export function formatTable(report: RaftReport): string {
  const { cores, processor, memoryGiB, kernel, system, node } = report.machine;
  const lines = [
    `${cores} cores (${processor}), ${memoryGiB} GiB, ${system}, Linux ${kernel}, Node ${node}; ` +
      `everything on this machine, 256 B values, fsync on a majority. ` +
      report.systems.map(({ name, version }) => `${name} ${version}`).join(", "),
    "",
    "| what | system | median | worst |",
    "| --- | --- | --- | --- |",
    ...loadLines(report),
    ...failoverLines(report, "SIGKILL"),
    ...failoverLines(report, "SIGSTOP"),
    ...report.systems.flatMap(({ name }) => staleLines(report, name)),
  ];
  return lines.join("\n");
}

function loadLines(report: RaftReport): string[] {
  const inFlights = [...new Set(report.load.map(({ result }) => result.inFlight))];
  const names = report.systems.map(({ name }) => name);
  return inFlights.flatMap((inFlight) =>
    names.flatMap((name) => {
      const results = report.load
        .filter(({ system, result }) => system === name && result.inFlight === inFlight)
        .map(({ result }) => result)
        .toSorted((one, other) => other.perSecond - one.perSecond);
      const worst = results.at(-1);
      const median = results[Math.floor(results.length / 2)];
      if (worst === undefined || median === undefined) return [];
      return [`| commits, ${inFlight} in flight | ${name} | ${cell(median)} | ${cell(worst)} |`];
    }),
  );
}

function cell(result: LoadResult): string {
  const rate = Math.round(result.perSecond).toLocaleString("en");
  return `${rate}/s, p50 ${result.p50Ms.toFixed(2)} ms, p99 ${result.p99Ms.toFixed(1)} ms`;
}

function failoverLines(report: RaftReport, signal: LeaderLoss): string[] {
  return report.systems.flatMap(({ name }) => {
    const ms = resultsOf(report, name, signal).flatMap((result) => result.ms);
    const sorted = ms.toSorted((one, other) => one - other);
    const median = sorted[Math.floor(sorted.length / 2)];
    const worst = sorted.at(-1);
    if (median === undefined || worst === undefined) return [];
    const what = `leader ${signal === "SIGKILL" ? "killed" : "stopped"} → next write`;
    const times = `${median.toFixed(0)} ms | ${worst.toFixed(0)} ms of ${ms.length}`;
    return [`| ${what} | ${name} | ${times} |`];
  });
}

/** Of reads at a leader that was stopped and continues, and at the others meanwhile. */
function staleLines(report: RaftReport, name: string): string[] {
  const { asked, answered, stale } = countReads(report, name);
  if (asked === 0) return [];
  const found = stale === 0 ? "none" : String(stale);
  const of = `of ${asked} asked, ${answered} answered`;
  return [`| leader stopped → stale reads | ${name} | ${found} | ${of} |`];
}

export function countReads(report: RaftReport, name: string): ReadCounts {
  const counts = resultsOf(report, name, "SIGSTOP").map(({ reads }) => reads);
  const sum = (key: keyof ReadCounts): number => counts.reduce((all, each) => all + each[key], 0);
  return { asked: sum("asked"), answered: sum("answered"), stale: sum("stale") };
}

function resultsOf(report: RaftReport, name: string, loss: LeaderLoss): FailoverResult[] {
  return report.failover
    .filter(({ system, signal }) => system === name && signal === loss)
    .map(({ result }) => result);
}
