/**
 * Verdicts in words, short enough for the message of a failed test.
 */
import type { Verdict } from "./check.ts";
import { formatOperation } from "./text.ts";

/** How many operations before the contradiction are shown. */
const SHOWN_MAX = 8;

/** What was found; for a history that is not linearizable also the end of the longest order. */
export function describeVerdict(verdict: Verdict): string {
  switch (verdict.type) {
    case "linearizable":
      return "linearizable";
    case "gaveUp":
      return `gave up on key ${verdict.key} after ${verdict.work} attempts`;
    case "notLinearizable": {
      const { key, placed, value, stuckAt } = verdict;
      const last = placed.slice(-SHOWN_MAX).map((operation) => `  ${formatOperation(operation)}`);
      return [
        `key ${key} is not linearizable: after ${placed.length} operations in the longest order`,
        ...last,
        `it holds ${value ?? "nil"}, and nothing explains`,
        `  ${formatOperation(stuckAt)}`,
      ].join("\n");
    }
  }
}
