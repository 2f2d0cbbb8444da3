/**
 * Plays every scenario file of a folder and tells what came of each case.
 *
 * Which player a file needs is told by its first command, never by its name or place, so a folder
 * may be the whole collection, a part of it, or one that nobody has seen. A file that is not of the
 * form, or that has no case, fails as one case. Called by main.ts and by tests.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import type { ScenarioCase } from "./datadriven.ts";
import { parseScenario, ScenarioFormError } from "./datadriven.ts";
import { interactionPlayer } from "./interaction-cases.ts";
import { MEMBERSHIP_COMMANDS, membershipPlayer } from "./membership-cases.ts";
import type { CaseOutcome, Failure, Player } from "./outcome.ts";
import { NotUnderstoodError } from "./outcome.ts";
import { playQuorumCase, QUORUM_COMMANDS } from "./quorum-cases.ts";

export interface FileOutcome {
  /** Relative to the folder. */
  readonly file: string;
  readonly cases: readonly CaseOutcome[];
}

/** The folder cannot be played. */
export class FolderError extends Error {
  override readonly name = "FolderError";
  readonly code = "scenario-folder";
  readonly retryable = false;
}

const SUFFIX = ".txt";

/** Outcomes file by file, in the order of their names. Throws FolderError. */
export function runFolder(folder: string): FileOutcome[] {
  const files = findFiles(folder);
  if (files.length === 0) throw new FolderError(`no ${SUFFIX} file is in ${folder}`);
  return files.map((file) => {
    const text = readFileSync(join(folder, file), "utf8");
    return { file, cases: runScenario(text) };
  });
}

/** Outcomes of one file's text. */
export function runScenario(text: string): readonly CaseOutcome[] {
  let cases: readonly ScenarioCase[];
  try {
    cases = parseScenario(text);
  } catch (error) {
    if (!(error instanceof ScenarioFormError)) throw error;
    return [failed(error.line, "(form)", "a scenario file", error.message)];
  }
  const [first] = cases;
  if (first === undefined) return [failed(1, "(form)", "at least one case", "none")];
  const play = playerFor(first.command);
  return cases.map((given) => {
    return { line: given.line, command: given.command, failures: playSafely(play, given) };
  });
}

function playerFor(command: string): Player {
  if (QUORUM_COMMANDS.includes(command)) return playQuorumCase;
  if (MEMBERSHIP_COMMANDS.includes(command)) return membershipPlayer();
  return interactionPlayer();
}

/** A case that breaks the library or asks for the unknown has failed; the others go on. */
function playSafely(play: Player, given: ScenarioCase): readonly Failure[] {
  try {
    return play(given);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const observed =
      error instanceof NotUnderstoodError
        ? `not understood: ${error.message}`
        : (error.stack ?? error.message);
    return [{ expected: given.expected.join("\n"), observed }];
  }
}

function failed(line: number, command: string, expected: string, observed: string): CaseOutcome {
  return { line, command, failures: [{ expected, observed }] };
}

function findFiles(folder: string): string[] {
  const stat = statSync(folder, { throwIfNoEntry: false });
  if (stat === undefined) throw new FolderError(`there is no folder ${folder}`);
  if (!stat.isDirectory()) throw new FolderError(`${folder} is not a folder`);
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(SUFFIX))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
}
