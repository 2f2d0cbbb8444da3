/**
 * Reads files of the data-driven form: a command, `----`, what it is expected to give.
 *
 * A case is one line with a command and its arguments, then lines of input if there are any, a line
 * `----`, and the expectation up to the next empty line. An expectation that holds empty lines
 * stands between `----` `----` twice. Lines that begin with `#` between cases are comments. It
 * knows no command and no file by name. Called by the runners of this folder.
 */

/** `key=a`, `key=(a,b)`, or a bare word, whose values are undefined. */
export interface Argument {
  readonly key: string;
  readonly values: readonly string[] | undefined;
}

export interface ScenarioCase {
  /** Where the command stands, the first line being 1. */
  readonly line: number;
  readonly command: string;
  readonly arguments: readonly Argument[];
  /** The lines between the command and `----`. */
  readonly input: readonly string[];
  readonly expected: readonly string[];
}

/** A file that is not of the form. */
export class ScenarioFormError extends Error {
  override readonly name = "ScenarioFormError";
  readonly code = "scenario-form";
  readonly retryable = false;
  readonly line: number;

  constructor(line: number, what: string) {
    super(`line ${line}: ${what}`);
    this.line = line;
  }
}

const SEPARATOR = "----";

/** The cases of a file in their order. Throws ScenarioFormError. */
export function parseScenario(text: string): ScenarioCase[] {
  const lines = text.split(/\r?\n/u);
  const cases: ScenarioCase[] = [];
  let at = 0;
  while (at < lines.length) {
    const first = (lines[at] as string).trim();
    if (first === "" || first.startsWith("#")) {
      at += 1;
      continue;
    }
    const start = at;
    let words = first;
    at += 1;
    while (words.endsWith("\\")) {
      words = `${words.slice(0, -1)} ${(lines[at] ?? "").trim()}`;
      at += 1;
    }
    const separator = findSeparator(lines, at, start);
    const input = lines.slice(at, separator);
    const { expected, next } = readExpected(lines, separator + 1, start);
    at = next;
    const { command, arguments: given } = parseCommand(words, start + 1);
    cases.push({ line: start + 1, command, arguments: given, input, expected });
  }
  return cases;
}

function findSeparator(lines: readonly string[], from: number, start: number): number {
  const at = lines.findIndex((line, index) => index >= from && line === SEPARATOR);
  if (at < 0) throw new ScenarioFormError(start + 1, `no ${SEPARATOR} follows the command`);
  return at;
}

function readExpected(
  lines: readonly string[],
  from: number,
  start: number,
): { expected: readonly string[]; next: number } {
  if (lines[from] === SEPARATOR) {
    for (let at = from + 1; at < lines.length; at += 1) {
      if (lines[at] === SEPARATOR && lines[at + 1] === SEPARATOR) {
        return { expected: lines.slice(from + 1, at), next: at + 2 };
      }
    }
    throw new ScenarioFormError(start + 1, `the expectation never ends with ${SEPARATOR} twice`);
  }
  let at = from;
  while (at < lines.length && (lines[at] as string).trim() !== "") at += 1;
  return { expected: lines.slice(from, at), next: at };
}

/** Splits `name word key=value key=(a, b)`. */
function parseCommand(
  words: string,
  line: number,
): { command: string; arguments: readonly Argument[] } {
  const parts: string[] = [];
  let depth = 0;
  let part = "";
  for (const character of `${words} `) {
    if (character === "(") depth += 1;
    if (character === ")") depth -= 1;
    if (depth < 0) throw new ScenarioFormError(line, "a parenthesis is closed but never opened");
    if (/\s/u.test(character) && depth === 0) {
      if (part !== "") parts.push(part);
      part = "";
    } else {
      part += character;
    }
  }
  if (depth !== 0) throw new ScenarioFormError(line, "a parenthesis is never closed");
  const [command, ...rest] = parts as [string, ...string[]];
  return { command, arguments: rest.map(parseArgument) };
}

function parseArgument(part: string): Argument {
  const equals = part.indexOf("=");
  if (equals < 0) return { key: part, values: undefined };
  const key = part.slice(0, equals);
  const value = part.slice(equals + 1);
  if (!value.startsWith("(")) return { key, values: [value] };
  const inner = value.slice(1, -1).trim();
  return { key, values: inner === "" ? [] : inner.split(/[\s,]+/u) };
}

/** The values of `key`; undefined when it is not given. */
export function valuesOf(given: ScenarioCase, key: string): readonly string[] | undefined {
  const found = given.arguments.filter((argument) => argument.key === key);
  return found.length === 0 ? undefined : found.flatMap(({ values }) => values ?? []);
}

/** Words without `=`, in their order. */
export function wordsOf(given: ScenarioCase): string[] {
  return given.arguments.filter(({ values }) => values === undefined).map(({ key }) => key);
}
