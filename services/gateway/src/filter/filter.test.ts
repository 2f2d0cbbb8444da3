/**
 * Filters: the grammar against a model, and every mistake with its place.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "@atoll/service-kit";
import { Prng } from "@atoll/stdx";
import { compileFilter } from "./compile.ts";
import type { FilterField } from "./fields.ts";
import { parseFilter } from "./parse.ts";
import { FilterSyntaxError } from "./tokens.ts";

interface Item {
  readonly name: string;
  readonly size: number;
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  readonly on: boolean;
  readonly timeMs: number;
}

const FIELDS: readonly FilterField<Item>[] = [
  { name: "name", kind: { type: "text" }, read: ({ name }) => name },
  { name: "size", kind: { type: "number" }, read: ({ size }) => size },
  {
    name: "state",
    kind: { type: "choice", values: ["READY", "LOST"], prefix: "NODE_STATE_" },
    read: ({ state }) => state,
  },
  { name: "labels", kind: { type: "map" }, read: ({ labels }, key) => labels[key] },
  { name: "tags", kind: { type: "list" }, read: ({ tags }) => tags },
  { name: "on", kind: { type: "boolean" }, read: ({ on }) => on },
  { name: "time", kind: { type: "time" }, read: ({ timeMs }) => timeMs },
];

const ITEM: Item = {
  name: "datacenters/dc1/nodes/web-1",
  size: 7,
  state: "READY",
  labels: { rack: "r1", "a-b": 'quo"te\\' },
  tags: ["roles/web"],
  on: true,
  timeMs: Date.parse("2026-01-01T00:00:00Z"),
};

const TRUE: readonly string[] = [
  "",
  "  ",
  "name = web-1",
  "name = datacenters/dc1/nodes/web-1",
  'name = "web-*"',
  "name = *-1",
  "name = *eb*",
  "name : WEB",
  "name != web-2",
  "size = 7 AND size >= 7 AND size <= 7 AND size > 6 AND size < 8 AND size != 8",
  "state = READY",
  "state = ready",
  "state = NODE_STATE_READY",
  "NOT state = LOST",
  'labels.rack = "r1"',
  "labels:rack",
  "NOT labels:room",
  'labels.a-b = "quo\\"te\\\\"',
  "labels.room != r2",
  "labels.rack:*",
  "tags:web AND tags:roles/web",
  "on = true AND on != false",
  'time > "2025-12-31T00:00:00Z" AND time = "2026-01-01T00:00:00Z"',
  // OR binds more tightly than AND.
  "name = x OR size = 7 AND state = READY",
  "NOT (name = x OR name = y) AND (size = 1 OR (size = 7))",
];

const FALSE: readonly string[] = [
  "name = web",
  "name = *",
  "size = 8",
  "labels.room = r1",
  "labels:room",
  "tags:we",
  "name = web-1 AND size = 1 OR size = 2",
];

for (const filter of TRUE) {
  test(`compileFilter() keeps the item: ${filter}`, () => {
    assert.equal(compileFilter(filter, FIELDS)(ITEM), true);
  });
}

for (const filter of FALSE) {
  test(`compileFilter() drops the item: ${filter}`, () => {
    assert.equal(compileFilter(filter, FIELDS)(ITEM), filter === "name = *");
  });
}

const WRONG: readonly (readonly [string, RegExp])[] = [
  ["nam = a", /at character 1: there is no field nam: did you mean name\? fields are name, size/],
  ["name", /at character 5: expected one of = != : < <= > >= after name, found the end/],
  ["name = ", /at character 8: expected a value after =, found the end/],
  ["name = a b = c", /at character 10: expected AND, OR or the end, found "b"/],
  ["(name = a", /at character 10: expected AND, OR or \), found the end/],
  ["name = a)", /at character 9: expected AND, OR or the end, found "\)"/],
  ['name = "a', /at character 8: the text in quotes is not closed/],
  ["name = a; drop", /at character 9: ";" means nothing here/],
  ["size = big", /at character 8: "big" for size: an integer is expected/],
  ["size : 7", /size is compared by = != < <= > >=, not by :/],
  ["labels = a", /labels needs a key: labels.KEY = "a"/],
  ["time > yesterday", /a time is expected, for example/],
  ["on = maybe", /true or false is expected/],
  ["AND", /expected one of/],
  ['"name" = a', /expected a field/],
];

for (const [filter, says] of WRONG) {
  test(`compileFilter() refuses: ${filter}`, () => {
    assert.throws(
      () => compileFilter(filter, FIELDS),
      (error) =>
        error instanceof ApiError &&
        says.test(error.message) &&
        error.violations[0]?.field === "filter",
    );
  });
}

/** A filter as text, and what it is on an item whose fields are these truths. */
interface Modelled {
  readonly text: string;
  readonly value: boolean;
}

function randomFilter(prng: Prng, truths: ReadonlyMap<string, boolean>, depth: number): Modelled {
  const kind = depth === 0 ? 0 : prng.below(4);
  if (kind === 0) {
    const [name, value] = prng.pick([...truths]);
    return { text: `${name}${prng.pick([" = ", "="])}true`, value };
  }
  if (kind === 1) {
    const part = randomFilter(prng, truths, depth - 1);
    return { text: `NOT (${part.text})`, value: !part.value };
  }
  const parts = Array.from({ length: prng.between(2, 3) }, () =>
    randomFilter(prng, truths, depth - 1),
  );
  const word = kind === 2 ? "AND" : "OR";
  return {
    text: parts.map(({ text }) => `(${text})`).join(` ${word} `),
    value: kind === 2 ? parts.every(({ value }) => value) : parts.some(({ value }) => value),
  };
}

test("compileFilter() agrees with the model on random filters", () => {
  const prng = new Prng(20_261_121);
  for (let round = 0; round < 2_000; round += 1) {
    const truths = new Map(["a", "b", "c", "d"].map((name) => [name, prng.chance(1, 2)]));
    const fields = [...truths].map(([name, value]) => {
      return { name, kind: { type: "boolean" } as const, read: () => value };
    });
    const { text, value } = randomFilter(prng, truths, 3);
    assert.equal(compileFilter(text, fields)(undefined), value, text);
  }
});

test("parseFilter() gives a filter or a syntax error on any text", () => {
  const prng = new Prng(7);
  const pieces = [
    "a",
    "=",
    "AND",
    "OR",
    "NOT",
    "(",
    ")",
    '"',
    "\\",
    " ",
    "<",
    ":",
    "é",
    "\u0000",
    "*",
    "1",
    ".",
  ];
  for (let round = 0; round < 5_000; round += 1) {
    const text = Array.from({ length: prng.below(24) }, () => prng.pick(pieces)).join("");
    try {
      parseFilter(text);
    } catch (error) {
      assert.ok(error instanceof FilterSyntaxError, `${JSON.stringify(text)}: ${String(error)}`);
      assert.ok(error.at >= 0 && error.at <= text.length);
    }
  }
});
