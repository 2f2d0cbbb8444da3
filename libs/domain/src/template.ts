/**
 * Text with facts of a node in it: `port={{ labels.port }}`.
 *
 * Parsed once per role, rendered once per node. There are no conditions, loops or filters: what
 * needs them belongs into the program that reads the file. `{{ "{{" }}` gives two braces; any
 * quoted text stands for itself. Parsing checks the shape only; whether a fact exists is
 * `checkRoles`' business, whether a node has it is found out when rendering.
 */
import type { Reading } from "./inventory.ts";
import { showText } from "./names.ts";

export type TemplatePart =
  | { readonly type: "text"; readonly text: string }
  /** `offset` counts UTF-16 units from the start of the template to the braces. */
  | { readonly type: "fact"; readonly fact: string; readonly offset: number };

export type ParsedTemplate =
  | { readonly type: "parsed"; readonly parts: readonly TemplatePart[] }
  | { readonly type: "failed"; readonly offset: number; readonly reason: string };

export type RenderedTemplate =
  | { readonly type: "rendered"; readonly text: string }
  /** The first fact that could not be had, and why. */
  | { readonly type: "failed"; readonly fact: string; readonly reason: string };

const OPEN = "{{";
const CLOSE = "}}";
const FACT_PATTERN = /^[A-Za-z0-9._-]{1,128}$/;
const LITERAL_PATTERN = /^"([^"\n]*)"$/;

export function parseTemplate(text: string): ParsedTemplate {
  const parts: TemplatePart[] = [];
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf(OPEN, at);
    if (open < 0) break;
    if (open > at) parts.push({ type: "text", text: text.slice(at, open) });
    const close = text.indexOf(CLOSE, open + OPEN.length);
    if (close < 0) return { type: "failed", offset: open, reason: "{{ is never closed by }}" };
    const part = parsePart(text.slice(open + OPEN.length, close).trim(), open);
    if (part.type === "failed") return part;
    parts.push(part);
    at = close + CLOSE.length;
  }
  if (at < text.length) parts.push({ type: "text", text: text.slice(at) });
  return { type: "parsed", parts };
}

/** Puts the parts together; `lookup` says what a fact is on the node, or why that is not known. */
export function renderTemplate(
  parts: readonly TemplatePart[],
  lookup: (fact: string) => Reading<string>,
): RenderedTemplate {
  let text = "";
  for (const part of parts) {
    if (part.type === "text") {
      text += part.text;
      continue;
    }
    const reading = lookup(part.fact);
    if (reading.type === "unknown")
      return { type: "failed", fact: part.fact, reason: reading.reason };
    text += reading.value;
  }
  return { type: "rendered", text };
}

function parsePart(
  inner: string,
  offset: number,
): TemplatePart | (ParsedTemplate & { type: "failed" }) {
  if (inner.length === 0) return { type: "failed", offset, reason: "{{ }} names no fact" };
  const literal = LITERAL_PATTERN.exec(inner);
  if (literal !== null) return { type: "text", text: literal[1] as string };
  if (FACT_PATTERN.test(inner)) return { type: "fact", fact: inner, offset };
  return { type: "failed", offset, reason: `${showText(inner)} is not the name of a fact` };
}
