/**
 * One text for one value: JSON with sorted keys and without absent members.
 *
 * For digests and comparisons of plain data (objects, arrays, maps with text keys, text, safe
 * integers, booleans, null). Never for transport.
 */
import { assert } from "./assert.ts";
import { compareText } from "./order.ts";

/** The canonical text of `value`. Throws {@link Bug} on a fraction, a function or a symbol. */
export function canonicalJson(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "number") {
    assert(Number.isSafeInteger(value), `not an integer: ${value}`);
    return String(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  assert(typeof value === "object", `no canonical form for ${typeof value}`);
  const entries: [string, unknown][] =
    value instanceof Map ? [...(value as Map<string, unknown>)] : Object.entries(value);
  const members = entries
    .filter(([, member]) => member !== undefined)
    .toSorted((left, right) => compareText(left[0], right[0]))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}
