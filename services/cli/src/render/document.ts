/**
 * Parts that several views share: pairs of label and value, sections, indented texts.
 */
import { escapeLines } from "./escape.ts";
import type { Paint } from "./style.ts";
import { alignRows, type Cell } from "./table.ts";

/** `Label   value` lines; pairs whose value is absent are left out. */
export function pairs(
  entries: readonly (readonly [string, Cell | undefined])[],
  paint: Paint,
  indent = "",
): string[] {
  const rows = entries
    .filter((entry): entry is readonly [string, Cell] => entry[1] !== undefined)
    .map(([label, value]): Cell[] => [{ text: label, style: "faint" }, value]);
  return alignRows(rows, { paint, indent });
}

/** A heading with lines below; nothing at all when there are no lines. */
export function section(title: string, lines: readonly string[], paint: Paint): string[] {
  if (lines.length === 0) return [];
  return ["", paint("strong", title), ...lines];
}

/** A diff or an output, line by line, coloured as a diff where it is one. */
export function indentedText(text: string, indent: string, paint: Paint): string[] {
  if (text === "") return [];
  return escapeLines(text).map((line) => {
    const style = line.startsWith("+") ? "good" : line.startsWith("-") ? "bad" : "faint";
    return `${indent}${paint(style, line)}`.trimEnd();
  });
}

/** `key=value key=value`, by key. */
export function labelText(labels: { readonly [key: string]: string }): string {
  return Object.keys(labels)
    .toSorted()
    .map((key) => `${key}=${labels[key]}`)
    .join(" ");
}

/** `3 nodes`, `1 node`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

export function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
