/**
 * Tables sized to their content.
 *
 * Cells hold text as it came; the table escapes it, measures it and colours it, in that order.
 * The last column is cut only where a terminal says how wide it is. Called by every command that
 * lists something.
 */
import { escapeLine } from "./escape.ts";
import type { Paint, Style } from "./style.ts";

const GAP = "  ";
/** A last column is never cut below this. */
const LAST_COLUMN_WIDTH_MIN = 20;

export type Cell = string | { readonly text: string; readonly style: Style };

export interface TableOptions {
  readonly paint: Paint;
  /** Absent: lines may be as long as they are. */
  readonly widthMax?: number;
  readonly indent?: string;
  /** Widths that columns have at least, so that later rows line up with earlier ones. */
  readonly widthsMin?: readonly number[];
}

/** Lines of a table with a heading; an empty cell shows as `-`. */
export function table(
  heading: readonly string[],
  rows: readonly (readonly Cell[])[],
  options: TableOptions,
): string[] {
  const head = heading.map((text): Cell => ({ text, style: "strong" }));
  return alignRows([head, ...rows], options);
}

/** Rows in columns, without a heading. */
export function alignRows(rows: readonly (readonly Cell[])[], options: TableOptions): string[] {
  const widths = columnWidths(rows, options.widthsMin ?? []);
  return rows.map((row) => alignRow(row, widths, options));
}

export function columnWidths(
  rows: readonly (readonly Cell[])[],
  widthsMin: readonly number[] = [],
): number[] {
  const widths = [...widthsMin];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, textWidth(cellText(cell)));
    });
  }
  return widths;
}

export function alignRow(
  row: readonly Cell[],
  widths: readonly number[],
  options: TableOptions,
): string {
  const indent = options.indent ?? "";
  let line = indent;
  let used = indent.length;
  row.forEach((cell, column) => {
    const last = column === row.length - 1;
    const room = options.widthMax === undefined ? Infinity : options.widthMax - used;
    const text = last ? cut(cellText(cell), room) : cellText(cell);
    const padding = (widths[column] ?? 0) - textWidth(text);
    line += options.paint(typeof cell === "string" ? "plain" : cell.style, text);
    if (!last) line += " ".repeat(Math.max(0, padding)) + GAP;
    used += (widths[column] ?? 0) + GAP.length;
  });
  return line.trimEnd();
}

/** Columns that a text takes on a terminal, by code points. */
export function textWidth(text: string): number {
  return Array.from(text).length;
}

function cellText(cell: Cell): string {
  const text = escapeLine(typeof cell === "string" ? cell : cell.text);
  return text === "" ? "-" : text;
}

function cut(text: string, room: number): string {
  const width = Math.max(room, LAST_COLUMN_WIDTH_MIN);
  if (textWidth(text) <= width) return text;
  return `${Array.from(text)
    .slice(0, width - 1)
    .join("")}…`;
}
