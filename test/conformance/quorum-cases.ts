/**
 * Plays cases about quorums: voters and what each has in, commit index or vote result out.
 *
 * `committed cfg=(1,2) cfgj=(2,3) idx=(5,_,7)` and `vote cfg=(1) votes=(y)`. Values belong to the
 * voters in the order in which they are named, each voter once; `_` is one that has not answered.
 * `cfgj=zero` is a joint configuration whose other half is empty. The last line of an expectation
 * is the answer; drawings above it are for people. Called by run-folder.ts.
 */
import type { Membership } from "raft-ts";
import { committedIndex, countVotes } from "raft-ts";
import type { ScenarioCase } from "./datadriven.ts";
import { valuesOf } from "./datadriven.ts";
import type { Failure } from "./outcome.ts";
import { compareText, NotUnderstoodError } from "./outcome.ts";

export const QUORUM_COMMANDS: readonly string[] = ["committed", "vote"];

/** What a quorum without voters has committed. */
const EVERYTHING = "∞";
const EVERYTHING_PREFIX = "<empty majority quorum>";
const VOTE_WORDS = { won: "VoteWon", lost: "VoteLost", pending: "VotePending" } as const;

export function playQuorumCase(given: ScenarioCase): readonly Failure[] {
  for (const { key } of given.arguments) {
    if (!["cfg", "cfgj", "idx", "votes"].includes(key)) {
      throw new NotUnderstoodError(`${given.command} has no option ${key}`);
    }
  }
  return compareText(answerExpected(given.expected), answer(given));
}

function answer(given: ScenarioCase): string {
  const membership = membershipOf(given);
  const voters = new Set([...idsOf(given, "cfg"), ...idsOf(given, "cfgj")]);
  const key = given.command === "vote" ? "votes" : "idx";
  const values = valuesOf(given, key) ?? [];
  if (values.length !== voters.size) {
    return `error: ${values.length} values for ${voters.size} voters`;
  }
  const valueOf = new Map([...voters].map((id, at) => [id, values[at] as string]));
  switch (given.command) {
    case "committed": {
      const index = committedIndex(membership, (id) => indexFrom(valueOf.get(id)));
      return index === Number.MAX_SAFE_INTEGER ? EVERYTHING : `${index}`;
    }
    case "vote":
      return VOTE_WORDS[countVotes(membership, (id) => voteFrom(valueOf.get(id)))];
    default:
      throw new NotUnderstoodError(`unknown command ${given.command}`);
  }
}

function membershipOf(given: ScenarioCase): Membership {
  return {
    voters: idsOf(given, "cfg"),
    outgoing: idsOf(given, "cfgj"),
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
}

function idsOf(given: ScenarioCase, key: string): number[] {
  const values = valuesOf(given, key) ?? [];
  return values.filter((value) => value !== "zero").map(Number);
}

function indexFrom(value: string | undefined): number {
  if (value === undefined || value === "_") return 0;
  const index = Number(value);
  if (!Number.isSafeInteger(index)) throw new NotUnderstoodError(`index ${value}`);
  return index;
}

function voteFrom(value: string | undefined): boolean | undefined {
  if (value === "y") return true;
  if (value === "n") return false;
  if (value === undefined || value === "_") return undefined;
  throw new NotUnderstoodError(`vote ${value}`);
}

function answerExpected(expected: readonly string[]): string {
  const last = expected.at(-1)?.trim() ?? "";
  return last.startsWith(EVERYTHING_PREFIX) ? last.slice(EVERYTHING_PREFIX.length) : last;
}
