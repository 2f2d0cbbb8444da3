/**
 * Plays cases about whole groups: each command is done to RaftCores, and what the trace tells about
 * roles, terms, votes, commits, logs and memberships is compared with what they are.
 *
 * The command alone decides what is done; the expectation is read afterwards. How things are
 * printed, and which messages carry them, is not compared. Called by run-folder.ts.
 */
import type { ScenarioCase } from "./datadriven.ts";
import { valuesOf, wordsOf } from "./datadriven.ts";
import { Group } from "./group.ts";
import type { Player } from "./outcome.ts";
import { NotUnderstoodError } from "./outcome.ts";
import { COMMANDS } from "./commands.ts";
import { compareTrace } from "./compare-trace.ts";
import { ToldState } from "./told-state.ts";

/** Levels of output; from `none` on nothing is printed. */
const LOG_LEVELS: readonly string[] = ["debug", "info", "warn", "error", "fatal", "none"];

/** A player for one file: it keeps the group from case to case. */
export function interactionPlayer(): Player {
  const group = new Group();
  const state = new ToldState();
  let level = "debug";
  return (given) => {
    if (given.command === "log-level") {
      level = levelOf(wordsOf(given)[0]);
      return [];
    }
    const command = COMMANDS.get(given.command);
    if (command === undefined) throw new NotUnderstoodError(`unknown command ${given.command}`);
    checkOptions(given, command.options);
    group.beginCommand();
    const ownLevel = command.options.includes("log-level")
      ? valuesOf(given, "log-level")
      : undefined;
    const output = ownLevel === undefined ? level : levelOf(ownLevel[0]);
    const done = command.play(group, given);
    if ("compare" in done) {
      return output === "none" && isPlain(given.expected) ? [] : done.compare(given.expected);
    }
    return compareTrace({ group, state, given, done, output });
  };
}

/** Nothing was printed. */
function isPlain(expected: readonly string[]): boolean {
  return expected.length === 1 && (expected[0] === "ok" || expected[0] === "ok (quiet)");
}

function levelOf(word: string | undefined): string {
  const level = (word ?? "").toLowerCase();
  if (!LOG_LEVELS.includes(level)) throw new NotUnderstoodError(`log level ${word}`);
  return level;
}

function checkOptions(given: ScenarioCase, options: readonly string[]): void {
  for (const { key, values } of given.arguments) {
    if (values !== undefined && !options.includes(key)) {
      throw new NotUnderstoodError(`${given.command} has no option ${key}`);
    }
  }
}
