/**
 * Compares what a trace tells on the way with what ours went through during the command.
 *
 * Each replica keeps its moments: itself before the command and after every input. What is told of
 * a replica must be found among them in the same order. Work handed over is found by its hard
 * state, role and entries; what a line of a step says by that alone. Called by compare-trace.ts.
 */
import type { ReplicaId } from "raft-ts";
import { formatConfiguration } from "./config-text.ts";
import type { Group } from "./group.ts";
import type { Failure } from "./outcome.ts";
import type { Observation } from "./replica.ts";
import { describeEntry, describeTold } from "./told-state.ts";
import type { Told, ToldEntry, ToldReady } from "./trace.ts";
import { founderTerm } from "./translation.ts";

type ToldOfReplica = Exclude<Told, { readonly type: "answer" }>;

/** Where the lines about one replica were found. */
interface Reached {
  /** The next line is found here or later. */
  at: number;
  /** A hard state, like a role, is told when it changed: the next is found later than this. */
  hardStateAt: number;
  roleAt: number;
}

export function compareMoments(told: readonly Told[], group: Group): Failure[] {
  const failures: Failure[] = [];
  const everyReached = new Map<ReplicaId, Reached>();
  for (const each of told) {
    if (each.type === "answer") continue;
    const { moments } = group.replica(each.replica);
    const reached = everyReached.get(each.replica) ?? { at: 0, hardStateAt: -1, roleAt: -1 };
    everyReached.set(each.replica, reached);
    const from = firstPossible(each, reached);
    const at = moments.findIndex((moment, index) => index >= from && holds(each, moment, group));
    if (at < 0) {
      failures.push({ expected: describe(each), observed: describeMoments(moments, from) });
      continue;
    }
    reached.at = at;
    if (each.type === "ready" && each.hardState !== undefined) reached.hardStateAt = at;
    if (each.type === "ready" && each.role !== undefined) reached.roleAt = at;
  }
  return failures;
}

function firstPossible(told: ToldOfReplica, reached: Reached): number {
  let from = reached.at;
  if (told.type !== "ready") return from;
  if (told.hardState !== undefined) from = Math.max(from, reached.hardStateAt + 1);
  if (told.role !== undefined) from = Math.max(from, reached.roleAt + 1);
  return from;
}

function holds(told: ToldOfReplica, moment: Observation, group: Group): boolean {
  const { view } = moment;
  switch (told.type) {
    case "ready":
      return readyHolds(told, moment, group);
    case "became":
      return view.role === told.role && view.term === told.term;
    case "switched":
      return formatConfiguration(view.membership) === formatConfiguration(told.membership);
    case "voted":
      return view.vote === told.vote && view.term === told.term;
    case "restored":
      return (
        view.committedIndex === told.commit &&
        (told.last === undefined || view.lastIndex === told.last.index)
      );
    case "founded":
      return (
        view.term === told.term &&
        view.committedIndex === told.commit &&
        view.appliedIndex === told.applied &&
        view.lastIndex === told.lastIndex &&
        founderTerm(view.lastIndex, view.lastTerm) === told.lastTerm &&
        view.membership.voters.join(" ") === told.voters.join(" ")
      );
    case "forgot":
      return view.leader === 0 && view.term === told.term;
    default:
      return told satisfies never;
  }
}

function readyHolds(told: ToldReady, moment: Observation, group: Group): boolean {
  const { view } = moment;
  const { role, hardState, snapshot } = told;
  if (role !== undefined && (view.role !== role.role || view.leader !== role.leader)) return false;
  if (hardState !== undefined) {
    if (view.term !== hardState.term || view.vote !== hardState.vote) return false;
    if (view.committedIndex !== hardState.commit) return false;
  }
  if (snapshot !== undefined) {
    if (moment.baseIndex !== snapshot.index) return false;
    const membership = formatConfiguration(view.membership);
    if (membership !== formatConfiguration(snapshot.membership)) return false;
  }
  const last = told.entries.at(-1);
  if (last !== undefined && view.lastIndex !== last.index) return false;
  const committed = told.committed.at(-1);
  if (committed !== undefined && view.committedIndex < committed.index) return false;
  return [...told.entries, ...told.committed].every((entry) => hasEntry(entry, moment, group));
}

function hasEntry(told: ToldEntry, moment: Observation, group: Group): boolean {
  if (told.index <= moment.baseIndex) return true;
  const ours = moment.log[told.index - moment.baseIndex - 1];
  return ours !== undefined && describeEntry(ours, group) === describeTold(told);
}

function describe(told: ToldOfReplica): string {
  const { replica, type, ...rest } = told;
  return `${replica}: ${type} ${JSON.stringify(rest)}`;
}

/** Moments that differ, one line each. */
function describeMoments(moments: readonly Observation[], from: number): string {
  const lines = moments.slice(from).map(({ view, log }) => {
    const last = log.at(-1);
    const entry = last === undefined ? "no entry" : `last ${last.term}/${last.index}`;
    const position = `${view.role} leader ${view.leader} term ${view.term} vote ${view.vote}`;
    const members = formatConfiguration(view.membership);
    return `${view.id}: ${position} commit ${view.committedIndex} ${entry} ${members}`;
  });
  return [...new Set(lines)].join("\n");
}
