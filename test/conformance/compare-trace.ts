/**
 * Compares the trace of one command with the group after it.
 *
 * Work handed over by a named replica is compared as of that moment, everything else as of the end
 * of the command; after `stabilize` nothing is left to do, so all that is known of the replicas
 * that took part must hold. Called by interaction-cases.ts.
 */
import type { ReplicaId } from "raft-ts";
import { compareMoments } from "./compare-moments.ts";
import type { ScenarioCase } from "./datadriven.ts";
import type { Group, ProposalFate } from "./group.ts";
import type { Failure } from "./outcome.ts";
import type { ToldState } from "./told-state.ts";
import { compareReplica, only } from "./told-state.ts";
import type { Told } from "./trace.ts";
import { parseTrace } from "./trace.ts";

/** What a command did, as far as the comparison needs to know. */
export interface Done {
  /** The only replica that handed over work, or was asked; undefined for any. */
  readonly replica?: ReplicaId;
  /** Replicas that have nothing left to do now. */
  readonly stable?: readonly ReplicaId[];
  /** What the command answered, in the words of the trace. */
  readonly answer?: ProposalFate | "unpromotable" | "leaseReads";
}

export interface Comparison {
  readonly group: Group;
  readonly state: ToldState;
  readonly given: ScenarioCase;
  readonly done: Done;
  /** The level of output. */
  readonly output: string;
}

/** Answers that say that something was done, and are printed as such. */
const PLAIN_ANSWERS: readonly string[] = ["taken", "passedOn"];

export function compareTrace({ group, state, given, done, output }: Comparison): Failure[] {
  const told = parseTrace(given.expected, done.replica);
  if (output === "none") {
    state.forget();
    // A proposal that is dropped is an error of the command, which is always printed.
    return compareAnswer(told, done, ["dropped"]);
  }
  const failures = compareAnswer(told, done, [
    "dropped",
    "changeRefused",
    "unpromotable",
    "leaseReads",
  ]);
  failures.push(...compareMoments(told, group));
  const { handedOver, after } = state.take(told);
  for (const [id, replica] of handedOver) {
    if (done.stable?.includes(id)) continue;
    const observation = group.observations.get(id) ?? group.replica(id).observe();
    failures.push(...compareReplica(id, replica, observation, group));
  }
  for (const id of new Set([...(done.stable ?? []), ...after.keys()])) {
    const known = state.of(id);
    const compared = done.stable?.includes(id) ? known : only(known, after.get(id) ?? new Set());
    failures.push(...compareReplica(id, compared, group.replica(id).observe(), group));
  }
  return failures;
}

function compareAnswer(told: readonly Told[], done: Done, visible: readonly string[]): Failure[] {
  const expected = told.flatMap((each) => (each.type === "answer" ? [each.answer] : []))[0];
  const given = done.answer;
  // In a delivery a passed-on proposal may be refused; only commands have an answer.
  if (given === undefined) return [];
  const observed = PLAIN_ANSWERS.includes(given) || !visible.includes(given) ? undefined : given;
  if (expected === observed) return [];
  return [{ expected: `answer ${expected ?? "ok"}`, observed: `answer ${observed ?? "ok"}` }];
}
