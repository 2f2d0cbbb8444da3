import assert from "node:assert/strict";
import { test } from "node:test";
import { parseScenario, ScenarioFormError, valuesOf, wordsOf } from "./datadriven.ts";

test("parseScenario() reads commands, arguments, input, expectation and lines", () => {
  const text = [
    "# A story.",
    "",
    "one 1 2 key=value list=(a, b c) none=()",
    "input",
    "more",
    "----",
    "first",
    "second",
    "",
    "two",
    "----",
  ].join("\n");
  assert.deepEqual(parseScenario(text), [
    {
      line: 3,
      command: "one",
      arguments: [
        { key: "1", values: undefined },
        { key: "2", values: undefined },
        { key: "key", values: ["value"] },
        { key: "list", values: ["a", "b", "c"] },
        { key: "none", values: [] },
      ],
      input: ["input", "more"],
      expected: ["first", "second"],
    },
    { line: 10, command: "two", arguments: [], input: [], expected: [] },
  ]);
});

test("parseScenario() keeps empty lines between doubled separators", () => {
  const text = "show\n----\n----\nabove\n\nbelow\n----\n----\n\nnext\n----\nok\n";
  const [first, second] = parseScenario(text);
  assert.deepEqual(first?.expected, ["above", "", "below"]);
  assert.deepEqual([second?.command, second?.line, second?.expected], ["next", 10, ["ok"]]);
});

test("parseScenario() joins a command that goes on after a backslash", () => {
  const [first] = parseScenario("add \\\n  3 a=b\n----\nok\n");
  assert.ok(first !== undefined);
  assert.deepEqual([wordsOf(first), valuesOf(first, "a")], [["3"], ["b"]]);
});

test("parseScenario() refuses what is not of the form, with its line", () => {
  for (const [text, line] of [
    ["\nlost\nno separator\n", 2],
    ["open (1\n----\n", 1],
    ["close 1)\n----\n", 1],
    ["show\n----\n----\nnever ends\n", 1],
  ] as const) {
    assert.throws(
      () => parseScenario(text),
      (error) => error instanceof ScenarioFormError && error.line === line,
    );
  }
});
