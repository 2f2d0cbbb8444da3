/**
 * What comes of one case: passed, or what was expected and what was observed.
 *
 * Plain data. The observation is made from the library alone; a runner looks at the expectation
 * only to compare.
 */
import type { ScenarioCase } from "./datadriven.ts";

export interface Failure {
  readonly expected: string;
  readonly observed: string;
}

export interface CaseOutcome {
  readonly line: number;
  readonly command: string;
  /** Empty when the case passed. */
  readonly failures: readonly Failure[];
}

/** Plays the cases of one file in their order. */
export type Player = (given: ScenarioCase) => readonly Failure[];

/** A file asks for what the runner does not know; the message names it. */
export class NotUnderstoodError extends Error {
  override readonly name = "NotUnderstoodError";
  readonly code = "not-understood";
  readonly retryable = false;
}

/** No failure when both are the same. */
export function compareText(expected: string, observed: string): readonly Failure[] {
  return expected === observed ? [] : [{ expected, observed }];
}
