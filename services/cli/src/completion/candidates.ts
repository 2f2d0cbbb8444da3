/**
 * What can stand at the cursor of an unfinished command line.
 *
 * Walks the words through the tree of commands, the same tree that parses them, and completes the
 * last one: a command, an option, the value of an option, or a name that the gateway is asked
 * for.
 */
import type { Argument, Command, Option } from "commander";
import { OUTPUT_FORMATS } from "../render/structured.ts";
import type { NameKind } from "../known-names.ts";
import { COMPLETION_SCRIPTS } from "./scripts.ts";

/** Tells the shell to complete file names. */
export const FILES = ":files";
const CANDIDATES_MAX = 500;

/** Of the gateway's, or the datacenters of the lab. */
type AskNames = (kind: NameKind | "labDatacenter") => Promise<readonly string[]>;

interface Position {
  readonly command: Command;
  /** The option whose value comes next. */
  readonly option: Option | undefined;
  /** Arguments that are already there. */
  readonly argumentCount: number;
  readonly optionsEnded: boolean;
}

/** Candidates that begin with the last of `words`, sorted; or {@link FILES} alone. */
export async function candidatesFor(
  program: Command,
  words: readonly string[],
  askNames: AskNames,
): Promise<readonly string[]> {
  // Bash takes `--output=json` apart at the sign.
  const whole = words.filter((word, at) => word !== "=" || at === words.length - 1);
  const typed = whole.at(-1) === "=" ? "" : (whole.at(-1) ?? "");
  const position = walk(program, whole.slice(0, -1));
  const all = await candidatesAt(position, typed, askNames);
  if (all[0] === FILES) return [FILES];
  return all
    .filter((candidate) => candidate.startsWith(typed))
    .toSorted()
    .slice(0, CANDIDATES_MAX);
}

function walk(program: Command, words: readonly string[]): Position {
  let command = program;
  let option: Option | undefined;
  let argumentCount = 0;
  let optionsEnded = false;
  for (const word of words) {
    if (option !== undefined) {
      option = undefined;
    } else if (word === "--" && !optionsEnded) {
      optionsEnded = true;
    } else if (word.startsWith("-") && !optionsEnded) {
      const found = findOption(command, word);
      option = found !== undefined && takesValue(found) && !word.includes("=") ? found : undefined;
    } else {
      const next = command.commands.find(
        (one) => one.name() === word || one.aliases().includes(word),
      );
      if (next === undefined) argumentCount += 1;
      else command = next;
    }
  }
  return { command, option, argumentCount, optionsEnded };
}

async function candidatesAt(
  position: Position,
  typed: string,
  askNames: AskNames,
): Promise<readonly string[]> {
  const { command, option } = position;
  if (option !== undefined) return optionValues(option, askNames);
  if (typed.startsWith("-") && !position.optionsEnded) return optionNames(command);
  if (command.commands.length > 0) return commandNames(command);
  const expected = command.registeredArguments;
  const argument = expected[position.argumentCount] ?? variadicLast(expected);
  return argument === undefined ? optionNames(command) : argumentValues(argument, typed, askNames);
}

async function optionValues(option: Option, askNames: AskNames): Promise<readonly string[]> {
  switch (option.attributeName()) {
    case "output":
      return OUTPUT_FORMATS;
    case "node":
      return askNames("node");
    case "state":
    case "file":
    case "to":
    case "compare":
      return [FILES];
    default:
      return [];
  }
}

async function argumentValues(
  argument: Argument,
  typed: string,
  askNames: AskNames,
): Promise<readonly string[]> {
  switch (argument.name()) {
    case "node":
    case "role":
    case "action":
    case "operation":
    case "replica":
      return askNames(argument.name() as NameKind);
    case "one":
    case "other":
    case "from":
    case "to":
      return askNames("labDatacenter");
    case "node/NAME":
      if (!typed.startsWith("node/") && !"node/".startsWith(typed)) return [];
      return (await askNames("node")).map((name) => `node/${name}`);
    case "path":
    case "path...":
      return [FILES];
    case "shell":
      return Object.keys(COMPLETION_SCRIPTS);
    default:
      return [];
  }
}

function commandNames(command: Command): string[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((one) => one.name());
}

function optionNames(command: Command): string[] {
  return optionsOf(command).flatMap((option) =>
    typeof option.long !== "string" ? [] : [option.long],
  );
}

function optionsOf(command: Command): Option[] {
  const help = command.createHelp();
  return [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)].concat(
    command.parent === null ? [] : ancestorsOptions(command.parent),
  );
}

function ancestorsOptions(command: Command): Option[] {
  return [...command.options, ...(command.parent === null ? [] : ancestorsOptions(command.parent))];
}

function findOption(command: Command, word: string): Option | undefined {
  const flag = word.split("=", 1)[0];
  return optionsOf(command).find((option) => option.long === flag || option.short === flag);
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function variadicLast(expected: readonly Argument[]): Argument | undefined {
  const last = expected.at(-1);
  return last?.variadic === true ? last : undefined;
}
