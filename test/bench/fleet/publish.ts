/**
 * Puts what was measured into the page for operators: the tables between its marks, the plot of the
 * largest fleet beside it.
 *
 * Changes nothing but what is between marks of the same name; a page without them is refused.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY_DIR } from "@atoll/lab";
import type { Measured as ControlPlane } from "../control-plane/table.ts";
import type { Machine } from "../raft/report.ts";
import { formatGoals, goalsOf } from "./goals.ts";
import { formatFleetTable, type Measured, plotFleet } from "./table.ts";

export interface Report {
  readonly startedAt: string;
  readonly machine: Machine;
  readonly measured: readonly Measured[];
  readonly controlPlane?: readonly ControlPlane[];
}

const FOLDER = join(REPOSITORY_DIR, "docs/operations");
const PAGE = join(FOLDER, "sizing.md");
const PLOT_NAME = "sizing-fleet.svg";

/** Both tables as they are printed. */
export function formatReport({ machine, measured, controlPlane = [] }: Report): string {
  const goals = goalsOf(controlPlane, measured);
  const judged = goals.length === 0 ? [] : [formatGoals(goals), ""];
  return [...judged, formatFleetTable(machine, measured)].join("\n");
}

/** Writes the page and the plot; gives their paths. */
export function publish(report: Report): string[] {
  const largest = report.measured.toSorted((one, other) => other.agents - one.agents)[0];
  const paths = [PAGE];
  const picture: string[] = [];
  if (largest !== undefined) {
    const plot = join(FOLDER, PLOT_NAME);
    writeFileSync(plot, plotFleet(largest, report.machine));
    const agents = largest.agents.toLocaleString("en-US");
    picture.push("", `![${agents} agents over time](${PLOT_NAME})`);
    paths.push(plot);
  }
  const day = report.startedAt.slice(0, "2026-01-01".length);
  const block = [`Measured ${day}. ${formatReport(report)}`, ...picture].join("\n");
  writeFileSync(PAGE, replaceBlock(readFileSync(PAGE, "utf8"), "fleet", block));
  return paths;
}

/** Throws when the marks of `name` are not there, once each and in order. */
export function replaceBlock(page: string, name: string, block: string): string {
  const [begin, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [before, rest, ...more] = page.split(begin);
  const [old, after, ...further] = rest?.split(end) ?? [];
  if (before === undefined || old === undefined || after === undefined) {
    throw new Error(`the page has no ${begin} … ${end}`);
  }
  if (more.length + further.length > 0) throw new Error(`the page has ${begin} more than once`);
  return `${before}${begin}\n\n${block}\n\n${end}${after}`;
}
