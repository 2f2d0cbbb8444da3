/**
 * What may stand in labels and locations, of nodes and of roles' rules alike.
 */
import { checkName, showText } from "./names.ts";
import type { Location } from "./role.ts";

export const LABELS_MAX = 64;
export const LABEL_VALUE_LENGTH_MAX = 128;

/**
 * Told of each thing that is wrong; `path` continues the path of what is checked: `.room`,
 * `["rack"]`.
 */
export type Report = (path: string, reason: string) => void;

// Everything but control, format and line-separating characters.
const PRINTABLE_PATTERN = /^[^\p{C}\p{Zl}\p{Zp}]*$/u;

export function checkLabels(labels: Readonly<Record<string, string>>, report: Report): void {
  const keys = Object.keys(labels);
  if (keys.length > LABELS_MAX)
    report("", `${keys.length} labels are too many: at most ${LABELS_MAX}`);
  for (const key of keys.slice(0, LABELS_MAX)) {
    const wrong = checkName("label", key);
    if (wrong !== undefined) report(`[${showText(key)}]`, wrong);
    else checkValue(`label ${key}`, labels[key] as string, (reason) => report(`.${key}`, reason));
  }
}

export function checkLocation(location: Location, report: Report): void {
  for (const part of ["room", "rack", "position"] as const) {
    const value = location[part];
    if (value === undefined) continue;
    if (value === "") report(`.${part}`, `${part} is empty: leave it out to unset it`);
    else checkValue(part, value, (reason) => report(`.${part}`, reason));
  }
}

export function isPrintable(text: string): boolean {
  return PRINTABLE_PATTERN.test(text);
}

function checkValue(what: string, value: string, report: (reason: string) => void): void {
  if (value.length <= LABEL_VALUE_LENGTH_MAX && isPrintable(value)) return;
  const allowed = `up to ${LABEL_VALUE_LENGTH_MAX} printable characters`;
  report(`${what} is ${showText(value)}: allowed are ${allowed}`);
}
