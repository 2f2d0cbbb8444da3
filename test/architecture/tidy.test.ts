/**
 * Style as a test: what can be counted is counted here, so that no review has to.
 *
 * Sizes are tripwires: a file or function may be listed as exempt, with the reason, and must leave
 * the list when it no longer needs it.
 */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { readSources } from "./sources.ts";
import type { Source } from "./sources.ts";

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const COLUMNS_MAX = 100;
/** Most are shorter by far; a header may hold the layout of what it describes. */
const HEADER_LINES_MAX = 30;

/** Files that may be longer, and why. */
const LONG_FILES: ReadonlyMap<string, string> = new Map([]);

/** Functions that may be longer, as `path function`, and why. */
const LONG_FUNCTIONS: ReadonlyMap<string, string> = new Map([]);

interface Ban {
  readonly pattern: RegExp;
  readonly reason: string;
}

/** Words and forms that no source may contain. */
const BANS: readonly Ban[] = [
  { pattern: /\b(?:FIXME|XXX)\b/, reason: "do it now, or open an issue" },
  { pattern: /\bTODO\b/, reason: "open an issue; comments are about the present" },
  { pattern: /^\s*export \*/, reason: "an index names what is public" },
  { pattern: /@ts-(?:ignore|nocheck)/, reason: "the compiler is right until proven wrong" },
  {
    pattern: /["'`\s(](?:\/work\/|\/home\/[a-z]|\/root\/|\/Users\/)/,
    reason: "a path of one machine is true on no other",
  },
];

const sources = readSources();
/** This file names what it bans. */
const judged = sources.filter((source) => source.path !== "test/architecture/tidy.test.ts");

function report(problems: readonly string[]): void {
  assert.equal(problems.length, 0, `\n${problems.join("\n")}\n`);
}

test("sources are found at all", () => {
  assert.ok(sources.length > 100, `${sources.length}`);
  assert.ok(sources.some((source) => source.path === "libs/stdx/src/assert.ts"));
});

test("every source file begins with a header that says what it is", () => {
  report(judged.filter((source) => !source.isTest).flatMap(headerProblems));
});

function headerProblems({ path, lines }: Source): string[] {
  if (basename(path) === "index.ts") return [];
  const start = lines[0]?.startsWith("#!") ? 1 : 0;
  if (!lines[start]?.startsWith("/**")) return [`${path}: begins without a header comment`];
  const length = lines.findIndex((line) => line.includes("*/")) - start + 1;
  return length > HEADER_LINES_MAX
    ? [`${path}: a header of ${length} lines; long reasons go to docs/adr`]
    : [];
}

test(`no file is longer than ${FILE_LINES_MAX} lines`, () => {
  const long = judged.filter(({ lines }) => lines.length - 1 > FILE_LINES_MAX);
  const unlisted = long.filter(({ path }) => !LONG_FILES.has(path));
  const needless = [...LONG_FILES.keys()].filter((path) => !long.some((one) => one.path === path));
  report([
    ...unlisted.map(({ path, lines }) => `${path}: ${lines.length - 1} lines`),
    ...needless.map((path) => `${path}: is exempt but need not be`),
  ]);
});

test(`no function is longer than ${FUNCTION_LINES_MAX} lines`, () => {
  const long = judged.flatMap(longFunctions);
  const names = new Set(long.map((one) => one.name));
  report([
    ...long
      .filter((one) => !LONG_FUNCTIONS.has(one.name))
      .map((one) => `${one.name}: ${one.lines}`),
    ...[...LONG_FUNCTIONS.keys()]
      .filter((name) => !names.has(name))
      .map((name) => `${name}: is exempt but need not be`),
  ]);
});

function longFunctions({ path, text }: Source): { name: string; lines: number }[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true);
  const found: { name: string; lines: number }[] = [];
  const lineOf = (at: number): number => file.getLineAndCharacterOfPosition(at).line;
  /** Returns how many lines below `node` are those of tests, which count by themselves. */
  const visit = (node: ts.Node): number => {
    let lines = 0;
    ts.forEachChild(node, (child) => {
      lines += visit(child);
    });
    if (!ts.isFunctionLike(node) || !("body" in node) || node.body === undefined) return lines;
    const length = lineOf(node.end) - lineOf(node.getStart(file)) + 1;
    const own = length - lines;
    if (own > FUNCTION_LINES_MAX) found.push({ name: `${path} ${functionName(node)}`, lines: own });
    return isTestBody(node) ? length : lines;
  };
  visit(file);
  return found;
}

function isTestBody({ parent }: ts.Node): boolean {
  if (!ts.isCallExpression(parent)) return false;
  return /^(?:test|describe|it|suite|before|after)\b/.test(parent.expression.getText());
}

function functionName(node: ts.SignatureDeclaration): string {
  if (node.name !== undefined) return node.name.getText();
  const { parent } = node;
  if (ts.isVariableDeclaration(parent)) return parent.name.getText();
  if (ts.isCallExpression(parent)) return parent.arguments[0]?.getText() ?? "callback";
  return "function";
}

test(`no line is longer than ${COLUMNS_MAX} columns`, () => {
  report(
    judged.flatMap(({ path, lines }) =>
      lines.flatMap((line, at) => {
        const columns = Array.from(line).length;
        const long = columns > COLUMNS_MAX && !/https?:\/\//.test(line);
        return long ? [`${path}:${at + 1}: ${columns} columns`] : [];
      }),
    ),
  );
});

test("nothing banned is in a source file", () => {
  report(
    judged.flatMap(({ path, lines }) =>
      lines.flatMap((line, at) =>
        BANS.filter(({ pattern }) => pattern.test(line)).map(
          ({ reason }) => `${path}:${at + 1}: ${line.trim()} (${reason})`,
        ),
      ),
    ),
  );
});

test("file names are kebab-case", () => {
  const pattern = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+)*\.(?:ts|mjs)$/;
  report(judged.map(({ path }) => path).filter((path) => !pattern.test(basename(path))));
});

test("every test file tests something", () => {
  const empty = judged.filter(
    ({ path, text }) => path.endsWith(".test.ts") && !/\b(?:test|it|testAll\w*)\(/.test(text),
  );
  report(empty.map(({ path }) => `${path}: has no test`));
});
