/**
 * From the text of a filter to a function that says which items it keeps.
 *
 * Everything that is wrong with a filter is found here, before any item is looked at, and told with
 * its place and what is allowed.
 */
import { type ApiError, invalidField } from "@atoll/service-kit";
import { nearest } from "@atoll/stdx";
import { type FilterField, makeTest, operatorsOf } from "./fields.ts";
import { type FilterNode, parseFilter } from "./parse.ts";
import { FilterSyntaxError } from "./tokens.ts";

export type Filter<T> = (item: T) => boolean;

type Comparison = Extract<FilterNode, { type: "compare" }>;

/** @throws ApiError INVALID_ARGUMENT on `filter`, with the place of the mistake. */
export function compileFilter<T>(filter: string, fields: readonly FilterField<T>[]): Filter<T> {
  try {
    const node = parseFilter(filter);
    return node === undefined ? () => true : compileNode(node, fields);
  } catch (error) {
    if (!(error instanceof FilterSyntaxError)) throw error;
    throw filterError(error);
  }
}

function compileNode<T>(node: FilterNode, fields: readonly FilterField<T>[]): Filter<T> {
  switch (node.type) {
    case "and": {
      const parts = node.parts.map((part) => compileNode(part, fields));
      return (item) => parts.every((part) => part(item));
    }
    case "or": {
      const parts = node.parts.map((part) => compileNode(part, fields));
      return (item) => parts.some((part) => part(item));
    }
    case "not": {
      const part = compileNode(node.part, fields);
      return (item) => !part(item);
    }
    case "compare":
      return compileComparison(node, fields);
  }
}

function compileComparison<T>(node: Comparison, fields: readonly FilterField<T>[]): Filter<T> {
  const [field, key] = findField(node, fields);
  if (field.kind.type === "map" && key === "") {
    if (node.operator !== ":") {
      const example = `${field.name}.KEY ${node.operator} ${JSON.stringify(node.value)}`;
      throw new FilterSyntaxError(`${field.name} needs a key: ${example}`, node.fieldAt);
    }
    return (item) => field.read(item, node.value) !== undefined;
  }
  const operators = operatorsOf(field.kind);
  if (!operators.includes(node.operator)) {
    throw new FilterSyntaxError(
      `${node.field} is compared by ${operators.join(" ")}, not by ${node.operator}`,
      node.fieldAt,
    );
  }
  const test = makeTest(field.kind, node.operator, node.value);
  if (typeof test === "string") {
    throw new FilterSyntaxError(
      `${JSON.stringify(node.value)} for ${node.field}: ${test}`,
      node.valueAt,
    );
  }
  return (item) => test(field.read(item, key));
}

function findField<T>(
  node: Comparison,
  fields: readonly FilterField<T>[],
): [FilterField<T>, string] {
  for (const field of fields) {
    if (field.name === node.field) return [field, ""];
    if (field.kind.type !== "map" || !node.field.startsWith(`${field.name}.`)) continue;
    return [field, node.field.slice(field.name.length + 1)];
  }
  const names = fields.map((field) =>
    field.kind.type === "map" ? `${field.name}.KEY` : field.name,
  );
  const near = nearest(
    node.field,
    fields.map(({ name }) => name),
  );
  const hint = near === undefined ? "" : `did you mean ${near}? `;
  throw new FilterSyntaxError(
    `there is no field ${node.field}: ${hint}fields are ${names.join(", ")}`,
    node.fieldAt,
  );
}

function filterError(error: FilterSyntaxError): ApiError {
  return invalidField("filter", `at character ${error.at + 1}: ${error.message}`, "FILTER_INVALID");
}
