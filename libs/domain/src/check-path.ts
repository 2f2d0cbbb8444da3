/**
 * Whether a text is the path of a managed file: absolute, in its shortest form, and nothing that
 * could lead elsewhere.
 */
import { showText } from "./names.ts";

export const PATH_LENGTH_MAX = 1_024;
export const PATH_PART_LENGTH_MAX = 255;

const CONTROL_PATTERN = /[\p{C}\p{Zl}\p{Zp}]/u;

/** Why `path` is none, or undefined when it is one. */
export function checkPath(path: string): string | undefined {
  const shown = showText(path);
  if (path.length > PATH_LENGTH_MAX)
    return `path ${shown} is longer than ${PATH_LENGTH_MAX} characters`;
  if (!path.startsWith("/")) return `path ${shown} is not absolute: it must begin with /`;
  if (CONTROL_PATTERN.test(path)) return `path ${shown} has control characters in it`;
  const parts = path.slice(1).split("/");
  for (const part of parts) {
    if (part === "..") return `path ${shown} has .. in it`;
    if (part === "" || part === ".") {
      return `path ${shown} is not in its shortest form: no //, no /./, no / at its end`;
    }
    if (part.length > PATH_PART_LENGTH_MAX) {
      return `path ${shown} has a part longer than ${PATH_PART_LENGTH_MAX} characters`;
    }
  }
  return undefined;
}
