/**
 * Templates as the planner uses them: which facts a text asks for, what a node has of them, and
 * the text filled.
 *
 * Roles are checked when they are applied, so a text that does not parse can only come from a log
 * written under other rules; it then stands for itself. Called by the renderer and when a node's
 * roles are computed.
 */
import {
  type DatacenterName,
  type NodeState,
  parseTemplate,
  readFact,
  renderTemplate,
} from "@atoll/domain";
import { assert } from "@atoll/stdx";

export interface MissingFact {
  readonly fact: string;
  readonly reason: string;
}

/** The names of the facts in `text`, with repetitions. */
export function factsOfText(text: string): readonly string[] {
  // Nothing to parse in most texts.
  if (!text.includes("{{")) return [];
  const parsed = parseTemplate(text);
  if (parsed.type === "failed") return [];
  return parsed.parts.flatMap((part) => (part.type === "fact" ? [part.fact] : []));
}

/** The values of `facts` on `node`, and those that it does not have. */
export function readFacts(
  facts: readonly string[],
  node: NodeState,
  datacenter: DatacenterName,
): { readonly values: ReadonlyMap<string, string>; readonly missing: readonly MissingFact[] } {
  const values = new Map<string, string>();
  const missing: MissingFact[] = [];
  for (const fact of facts) {
    const reading = readFact(node, datacenter, fact);
    if (reading.type === "known") values.set(fact, reading.value);
    else missing.push({ fact, reason: reading.reason });
  }
  return { values, missing };
}

/** `text` with every fact replaced by its value; `values` holds all of them. */
export function fillText(text: string, values: ReadonlyMap<string, string>): string {
  if (!text.includes("{{")) return text;
  const parsed = parseTemplate(text);
  if (parsed.type === "failed") return text;
  const rendered = renderTemplate(parsed.parts, (fact) => {
    const value = values.get(fact);
    assert(value !== undefined, `no value for fact ${fact}`);
    return { type: "known", value };
  });
  assert(rendered.type === "rendered", "every fact has a value");
  return rendered.text;
}
