/**
 * Foreign text made harmless before it reaches a terminal.
 *
 * Names, reasons, diffs and outputs come from nodes and from other users. A terminal obeys
 * control characters in them: colours, cursor moves, clipboard writes, right-to-left overrides.
 * All of these are shown as escapes instead. Everything printed as a table, a line or a document
 * passes through here; no other file may write foreign text.
 */

/**
 * C0 and C1 controls, DEL, line separators, bidirectional overrides, zero-width and byte-order
 * marks.
 */
const UNSAFE =
  // oxlint-disable-next-line no-control-regex -- finding control characters is the purpose.
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Surrogate}/gu;

/** One line: line breaks and tabs are escaped as well. */
export function escapeLine(text: string): string {
  return text.replace(UNSAFE, escapeUnit);
}

/** Lines of a longer text; a tab becomes two blanks, a final line break is dropped. */
export function escapeLines(text: string): string[] {
  const body = text.endsWith("\n") ? text.slice(0, -1) : text;
  return body.split(/\r?\n/).map((line) => escapeLine(line.replaceAll("\t", "  ")));
}

/** Escapes inside the strings of a JSON or double-quoted YAML document; line breaks stay. */
export function escapeInDocument(document: string): string {
  return document.replace(UNSAFE, (unit) => (unit === "\n" ? unit : unicodeEscape(unit)));
}

function escapeUnit(unit: string): string {
  if (unit === "\n") return "\\n";
  if (unit === "\r") return "\\r";
  if (unit === "\t") return "\\t";
  return unicodeEscape(unit);
}

function unicodeEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
