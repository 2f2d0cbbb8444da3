/**
 * Whether a template can be rendered at all: it parses, and there are such facts.
 */
import { nearest } from "@atoll/stdx";
import { checkName, showText } from "./names.ts";
import { parseTemplate } from "./template.ts";
import { LABEL_FACT_PREFIX, templateFacts } from "./template-facts.ts";
import { utf8Length } from "./utf8-length.ts";

/** Checks `text` and that it is at most `bytesMax` long, in UTF-8. */
export function checkTemplate(
  text: string,
  bytesMax: number,
  report: (reason: string) => void,
): void {
  const bytes = utf8Length(text);
  if (bytes > bytesMax) {
    report(`${bytes} bytes are too many: at most ${bytesMax}`);
    return;
  }
  if (text.includes("\0")) report("there is a NUL character in it");
  const parsed = parseTemplate(text);
  if (parsed.type === "failed") {
    report(`${placeOf(text, parsed.offset)}: ${parsed.reason}`);
    return;
  }
  for (const part of parsed.parts) {
    if (part.type !== "fact") continue;
    const wrong = checkFact(part.fact);
    if (wrong !== undefined) report(`${placeOf(text, part.offset)}: ${wrong}`);
  }
}

/** Why there is no such fact, or undefined when there is. */
export function checkFact(fact: string): string | undefined {
  if (templateFacts.includes(fact)) return undefined;
  if (fact.startsWith(LABEL_FACT_PREFIX))
    return checkName("label", fact.slice(LABEL_FACT_PREFIX.length));
  const label = fact.slice(fact.indexOf(".") + 1);
  const near = nearest(fact, [...templateFacts, `${LABEL_FACT_PREFIX}${label}`]);
  const hint =
    near === undefined
      ? `; there are labels.NAME and ${templateFacts.join(", ")}`
      : `; did you mean ${near}?`;
  return `there is no fact ${showText(fact)}${hint}`;
}

function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return `line ${line}, column ${offset - before.lastIndexOf("\n")}`;
}
