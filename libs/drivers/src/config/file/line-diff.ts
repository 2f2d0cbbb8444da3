/**
 * A unified diff of two short texts, for people.
 *
 * Finds a longest common subsequence of lines where the texts are small enough for the plain table,
 * else shows one block replaced by another. Bounded in time, memory and length.
 */
import { DIFF_LENGTH_MAX } from "@atoll/domain";

const CONTEXT_LINES = 3;
/** Of the table, after equal beginnings and ends are set aside. */
const TABLE_CELLS_MAX = 1_000_000;
const NO_NEWLINE = "\\ No newline at end of file";

interface Edit {
  readonly type: " " | "-" | "+";
  readonly line: string;
}

/** From `wanted` to `found`; empty when they are equal. At most {@link DIFF_LENGTH_MAX} long. */
export function unifiedDiff(wanted: string, found: string): string {
  if (wanted === found) return "";
  const edits = editsBetween(splitLines(wanted), splitLines(found));
  const lines = ["--- wanted", "+++ found", ...hunks(edits)];
  return limitLines(lines, DIFF_LENGTH_MAX);
}

/** Lines with the mark of a last one that does not end, so that it differs from one that does. */
function splitLines(text: string): string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  const last = lines.pop() as string;
  if (last !== "") lines.push(`${last}\n${NO_NEWLINE}`);
  return lines;
}

function editsBetween(wanted: readonly string[], found: readonly string[]): Edit[] {
  let head = 0;
  while (head < wanted.length && head < found.length && wanted[head] === found[head]) head += 1;
  let tail = 0;
  while (
    tail < wanted.length - head &&
    tail < found.length - head &&
    wanted[wanted.length - 1 - tail] === found[found.length - 1 - tail]
  ) {
    tail += 1;
  }
  return [
    ...wanted.slice(0, head).map(kept),
    ...middle(wanted.slice(head, wanted.length - tail), found.slice(head, found.length - tail)),
    ...wanted.slice(wanted.length - tail).map(kept),
  ];
}

function middle(wanted: readonly string[], found: readonly string[]): Edit[] {
  if ((wanted.length + 1) * (found.length + 1) > TABLE_CELLS_MAX) {
    return [...wanted.map(removed), ...found.map(added)];
  }
  // length[row][column]: of the longest common subsequence of what is left from there on.
  const width = found.length + 1;
  const length = new Uint32Array((wanted.length + 1) * width);
  for (let row = wanted.length - 1; row >= 0; row -= 1) {
    for (let column = found.length - 1; column >= 0; column -= 1) {
      length[row * width + column] =
        wanted[row] === found[column]
          ? at(length, (row + 1) * width + column + 1) + 1
          : Math.max(at(length, (row + 1) * width + column), at(length, row * width + column + 1));
    }
  }
  const edits: Edit[] = [];
  let [row, column] = [0, 0];
  while (row < wanted.length && column < found.length) {
    if (wanted[row] === found[column]) {
      edits.push(kept(wanted[row] as string));
      row += 1;
      column += 1;
    } else if (at(length, (row + 1) * width + column) >= at(length, row * width + column + 1)) {
      edits.push(removed(wanted[row] as string));
      row += 1;
    } else {
      edits.push(added(found[column] as string));
      column += 1;
    }
  }
  return [...edits, ...wanted.slice(row).map(removed), ...found.slice(column).map(added)];
}

function hunks(edits: readonly Edit[]): string[] {
  const lines: string[] = [];
  let [wantedLine, foundLine] = [1, 1];
  let from = 0;
  while (from < edits.length) {
    const change = edits.findIndex((edit, index) => index >= from && edit.type !== " ");
    if (change === -1) break;
    const start = Math.max(from, change - CONTEXT_LINES);
    const end = hunkEnd(edits, change);
    wantedLine += start - from;
    foundLine += start - from;
    const hunk = edits.slice(start, end);
    const wantedCount = hunk.filter((edit) => edit.type !== "+").length;
    const foundCount = hunk.filter((edit) => edit.type !== "-").length;
    const wantedRange = range(wantedLine, wantedCount);
    lines.push(`@@ -${wantedRange} +${range(foundLine, foundCount)} @@`);
    for (const edit of hunk) lines.push(...`${edit.type}${edit.line}`.split("\n"));
    wantedLine += wantedCount;
    foundLine += foundCount;
    from = end;
  }
  return lines;
}

/**
 * Where the hunk that begins with this change ends: changes less than two contexts apart share one.
 */
function hunkEnd(edits: readonly Edit[], change: number): number {
  let last = change;
  for (let index = change; index < edits.length; index += 1) {
    if (edits[index]?.type !== " ") last = index;
    else if (index - last > 2 * CONTEXT_LINES) break;
  }
  return Math.min(edits.length, last + 1 + CONTEXT_LINES);
}

/** An empty range is named by the line before it. */
function range(line: number, count: number): string {
  return count === 0 ? `${line - 1},0` : `${line},${count}`;
}

function limitLines(lines: readonly string[], lengthMax: number): string {
  const whole = `${lines.join("\n")}\n`;
  if (whole.length <= lengthMax) return whole;
  let text = "";
  let shown = 0;
  for (const line of lines) {
    if (text.length + line.length + 1 > lengthMax - 40) break;
    text += `${line}\n`;
    shown += 1;
  }
  return `${text}… ${lines.length - shown} more lines\n`;
}

function kept(line: string): Edit {
  return { type: " ", line };
}

function removed(line: string): Edit {
  return { type: "-", line };
}

function added(line: string): Edit {
  return { type: "+", line };
}

function at(values: Uint32Array, index: number): number {
  return values[index] as number;
}
