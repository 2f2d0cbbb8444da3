/**
 * The fields that a filter may name, and how a value of each is compared.
 *
 * A resource lists its fields; nothing else can be filtered by. Text takes `*` at its beginning or
 * end for anything.
 */
import type { Operator } from "./tokens.ts";

/** Whether a value, as it is on one item, satisfies a comparison. */
export type Test = (value: unknown) => boolean;

export interface FilterField<T> {
  readonly name: string;
  readonly kind: FieldKind;
  /** The item's value; a map's by key. undefined: it has none, and no comparison but != holds. */
  readonly read: (item: T, key: string) => unknown;
}

export type FieldKind =
  | { readonly type: "text" }
  | { readonly type: "number" }
  /** RFC 3339 in the filter, milliseconds since 1970 on the item. */
  | { readonly type: "time" }
  | { readonly type: "boolean" }
  /** `values` as callers write them, with a common prefix that may be left out. */
  | { readonly type: "choice"; readonly values: readonly string[]; readonly prefix: string }
  /** Texts; `:` asks for one of them, in full or by its last segment. */
  | { readonly type: "list" }
  /** Texts by key: `labels.rack = "r1"`; `labels:rack` asks for the key. */
  | { readonly type: "map" };

const ORDER_OPERATORS: ReadonlySet<Operator> = new Set(["<", "<=", ">", ">="]);

export function operatorsOf(kind: FieldKind): readonly Operator[] {
  switch (kind.type) {
    case "text":
    case "map":
      return ["=", "!=", ":"];
    case "number":
    case "time":
      return ["=", "!=", "<", "<=", ">", ">="];
    case "list":
      return [":"];
    case "boolean":
    case "choice":
      return ["=", "!="];
  }
}

/** The test, or a text that says which values are allowed. */
export function makeTest(kind: FieldKind, operator: Operator, value: string): Test | string {
  switch (kind.type) {
    case "text":
    case "map":
      return textTest(operator, value);
    case "number":
      if (!/^-?\d{1,15}$/.test(value)) return "an integer is expected";
      return numberTest(operator, Number(value));
    case "time": {
      const ms = Date.parse(value);
      if (Number.isNaN(ms)) return 'a time is expected, for example "2026-01-31T12:00:00Z"';
      return numberTest(operator, ms);
    }
    case "boolean":
      if (value !== "true" && value !== "false") return "true or false is expected";
      return negated(operator, (found) => found === (value === "true"));
    case "choice": {
      const given = value.toUpperCase();
      const wanted = given.startsWith(kind.prefix) ? given.slice(kind.prefix.length) : given;
      if (!kind.values.includes(wanted)) return `one of ${kind.values.join(", ")} is expected`;
      return negated(operator, (found) => found === wanted);
    }
    case "list":
      return (found) =>
        (found as readonly string[]).some((item) => item === value || item.endsWith(`/${value}`));
  }
}

function textTest(operator: Operator, value: string): Test {
  if (operator === ":") {
    const part = value.toLowerCase();
    if (part === "*") return (found) => found !== undefined && found !== "";
    return (found) => typeof found === "string" && found.toLowerCase().includes(part);
  }
  return negated(operator, (found) => typeof found === "string" && matchesText(found, value));
}

/** A `*` first or last stands for anything; a resource name matches by its last segment too. */
function matchesText(found: string, wanted: string): boolean {
  const open = wanted.startsWith("*");
  const close = wanted.length > 1 && wanted.endsWith("*");
  const text = wanted.slice(open ? 1 : 0, close ? -1 : undefined);
  function matches(candidate: string): boolean {
    if (open && close) return candidate.includes(text);
    if (open) return candidate.endsWith(text);
    return close ? candidate.startsWith(text) : candidate === text;
  }
  return matches(found) || (!wanted.includes("/") && matches(lastSegment(found)));
}

function lastSegment(name: string): string {
  const isName = name.startsWith("datacenters/") || name.startsWith("roles/");
  return isName ? name.slice(name.lastIndexOf("/") + 1) : name;
}

function numberTest(operator: Operator, wanted: number): Test {
  if (!ORDER_OPERATORS.has(operator)) return negated(operator, (found) => found === wanted);
  return (found) => {
    if (typeof found !== "number") return false;
    switch (operator) {
      case "<":
        return found < wanted;
      case "<=":
        return found <= wanted;
      case ">":
        return found > wanted;
      default:
        return found >= wanted;
    }
  };
}

function negated(operator: Operator, test: Test): Test {
  return operator === "!=" ? (found) => !test(found) : test;
}
