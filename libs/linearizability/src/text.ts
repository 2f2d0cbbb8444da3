/**
 * Histories as text, so that other checkers can read them and people can too.
 *
 * One operation per line, seven words: process, key, kind, argument, invokedAt, returnedAt, result;
 * the README says what each may be. Empty lines and those that begin with `#` say nothing. The
 * parser takes exactly this form and names the line that is not of it.
 */
import type { Call, Operation, Result, Value } from "./operation.ts";
import { operationProblem } from "./operation.ts";

export type ParsedHistory =
  | { readonly type: "parsed"; readonly history: readonly Operation[] }
  /** `line` counts from 1. */
  | { readonly type: "invalid"; readonly line: number; readonly reason: string };

/** How a register that was never written reads. */
const ABSENT = "nil";
const NAME = /^[A-Za-z0-9_.]+$/;
const TIME = /^\d{1,15}$/;

/** One operation on one line, without the line's end. */
export function formatOperation(operation: Operation): string {
  const { process, key, call, invokedAt, returned } = operation;
  const end = returned === undefined ? "- ?" : `${returned.at} ${formatResult(returned.result)}`;
  return `${process} ${key} ${call.kind} ${formatArgument(call)} ${invokedAt} ${end}`;
}

/** Every operation on a line of its own, in the order given. */
export function formatHistory(history: readonly Operation[]): string {
  return history.map((operation) => `${formatOperation(operation)}\n`).join("");
}

export function parseHistory(text: string): ParsedHistory {
  const history: Operation[] = [];
  for (const [at, line] of text.split("\n").entries()) {
    const words = line.trim();
    if (words === "" || words.startsWith("#")) continue;
    const parsed = parseOperation(words);
    if (typeof parsed === "string") return { type: "invalid", line: at + 1, reason: parsed };
    history.push(parsed);
  }
  return { type: "parsed", history };
}

/** The operation, or why the line is none. */
function parseOperation(line: string): Operation | string {
  const words = line.split(/ +/);
  if (words.length !== 7) return `${words.length} words instead of 7`;
  const [process, key, kind, argument, invoked, returnedAt, told] = words as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  if (!NAME.test(process)) return `process ${process}`;
  if (!NAME.test(key)) return `key ${key}`;
  const call = parseCall(kind, argument);
  if (call === undefined) return `call ${kind} ${argument}`;
  if (!TIME.test(invoked)) return `invoked at ${invoked}`;
  const invokedAt = Number(invoked);
  if ((returnedAt === "-") !== (told === "?")) return "an unknown outcome is written - ?";
  if (returnedAt === "-") return { process, key, call, invokedAt, returned: undefined };
  if (!TIME.test(returnedAt)) return `returned at ${returnedAt}`;
  const result = parseResult(call, told);
  if (result === undefined) return `result ${told} of a ${kind}`;
  const returned = { at: Number(returnedAt), result };
  const operation = { process, key, call, invokedAt, returned };
  return operationProblem(operation) ?? operation;
}

function parseCall(kind: string, argument: string): Call | undefined {
  switch (kind) {
    case "read":
      return argument === "-" ? { kind } : undefined;
    case "write":
      return isValue(argument) ? { kind, value: argument } : undefined;
    case "cas": {
      const [expected, value, ...more] = argument.split(":");
      if (expected === undefined || value === undefined || more.length > 0) return undefined;
      if (!isValue(value) || !(isValue(expected) || expected === ABSENT)) return undefined;
      return { kind, expected: parseValue(expected), value };
    }
    default:
      return undefined;
  }
}

function parseResult(call: Call, told: string): Result | undefined {
  if (call.kind === "read") {
    const isRead = isValue(told) || told === ABSENT;
    return isRead ? { type: "read", value: parseValue(told) } : undefined;
  }
  if (told === "ok") return { type: "ok" };
  return told === "failed" && call.kind === "cas" ? { type: "failed" } : undefined;
}

function isValue(word: string): boolean {
  return NAME.test(word) && word !== ABSENT;
}

function parseValue(word: string): Value {
  return word === ABSENT ? undefined : word;
}

function formatArgument(call: Call): string {
  switch (call.kind) {
    case "read":
      return "-";
    case "write":
      return call.value;
    case "cas":
      return `${call.expected ?? ABSENT}:${call.value}`;
  }
}

function formatResult(result: Result): string {
  return result.type === "read" ? (result.value ?? ABSENT) : result.type;
}
