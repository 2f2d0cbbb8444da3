/**
 * The commands of scenarios about groups: what each does, and which options it has.
 *
 * Commands that only show something compare what they show themselves; all others tell which
 * replicas they concern, and compare-trace.ts does the rest. Called by interaction-cases.ts.
 */
import type { MembershipTransition, ReplicaId } from "raft-ts";
import { addNodes } from "./command-add-nodes.ts";
import { compareLog, compareProgress, compareStates } from "./command-show.ts";
import type { Done } from "./compare-trace.ts";
import { parseChanges, parseIds } from "./config-text.ts";
import type { ScenarioCase } from "./datadriven.ts";
import { valuesOf, wordsOf } from "./datadriven.ts";
import type { Group, Recipient } from "./group.ts";
import type { Failure } from "./outcome.ts";
import { NotUnderstoodError } from "./outcome.ts";
import type { Replica } from "./replica.ts";
import { ELECTION_TICKS, HEARTBEAT_TICKS } from "./replica-options.ts";
import { mayForgetLeader } from "./translation.ts";

/** A command that shows something: it looks at the group, and then at what is expected. */
export interface Shown {
  readonly compare: (expected: readonly string[]) => readonly Failure[];
}

export interface Command {
  readonly options: readonly string[];
  readonly play: (group: Group, given: ScenarioCase) => Done | Shown;
}

export const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ["add-nodes", addNodes],
  ["campaign", { options: [], play: campaign }],
  ["compact", { options: [], play: compact }],
  ["deliver-msgs", { options: ["drop", "type"], play: deliver }],
  ["forget-leader", { options: [], play: forgetLeader }],
  ["process-append-thread", { options: [], play: eachReplica("processAppendThread") }],
  ["process-apply-thread", { options: [], play: eachReplica("processApplyThread") }],
  ["process-ready", { options: [], play: eachReplica("processReady") }],
  ["propose", { options: [], play: propose }],
  ["propose-conf-change", { options: ["v1", "transition"], play: proposeChange }],
  ["raft-log", { options: [], play: showLog }],
  ["raft-state", { options: [], play: (group) => compareStates(group) }],
  ["report-unreachable", { options: [], play: reportUnreachable }],
  ["send-snapshot", { options: [], play: sendSnapshot }],
  ["set-randomized-election-timeout", { options: ["timeout"], play: setTimeout }],
  ["stabilize", { options: ["log-level"], play: stabilize }],
  ["status", { options: [], play: (group, given) => compareProgress(only(group, given)) }],
  ["tick-election", { options: [], play: ticks(ELECTION_TICKS) }],
  ["tick-heartbeat", { options: [], play: ticks(HEARTBEAT_TICKS) }],
  ["transfer-leadership", { options: ["from", "to"], play: transfer }],
]);

function campaign(group: Group, given: ScenarioCase): Done {
  const replica = only(group, given);
  group.step(replica.id, { type: "campaign" });
  // Whoever may campaign is no follower after it.
  const refused = replica.view().role === "follower";
  return refused ? { replica: replica.id, answer: "unpromotable" } : { replica: replica.id };
}

function compact(group: Group, given: ScenarioCase): Shown {
  const [id, index] = numbers(given, 2);
  const replica = group.replica(id as number);
  replica.store.compact(index as number);
  group.step(replica.id, { type: "compacted", firstIndex: replica.store.firstIndex });
  return compareLog(replica, group);
}

function deliver(group: Group, given: ScenarioCase): Done {
  const kind = valuesOf(given, "type")?.[0];
  const recipients: Recipient[] = [
    ...wordsOf(given).map((word) => ({ id: idFrom(word), drop: false })),
    ...(valuesOf(given, "drop") ?? []).map((word) => ({ id: idFrom(word), drop: true })),
  ];
  group.deliver(recipients, kind);
  return {};
}

function forgetLeader(group: Group, given: ScenarioCase): Done {
  const replica = only(group, given);
  if (!mayForgetLeader(replica.options)) return { replica: replica.id, answer: "leaseReads" };
  group.step(replica.id, { type: "forgetLeader" });
  return { replica: replica.id };
}

function eachReplica(
  work: "processReady" | "processAppendThread" | "processApplyThread",
): Command["play"] {
  return (group, given) => {
    const ids = idsNamed(group, given);
    for (const id of ids) group[work](id);
    return ids.length === 1 ? { replica: ids[0] as number } : {};
  };
}

function propose(group: Group, given: ScenarioCase): Done {
  const [id, ...words] = wordsOf(given);
  const data = new TextEncoder().encode(words.join(" "));
  return { answer: group.propose(idFrom(id), { type: "data", data }) };
}

function proposeChange(group: Group, given: ScenarioCase): Done {
  const id = only(group, given).id;
  const changes = parseChanges(given.input);
  const transition = valuesOf(given, "transition")?.[0] ?? "auto";
  if (!isTransition(transition)) throw new NotUnderstoodError(`transition ${transition}`);
  const text = given.input.join(" ").trim();
  return { answer: group.propose(id, { type: "changes", changes, transition, text }) };
}

function isTransition(word: string): word is MembershipTransition {
  return word === "auto" || word === "implicit" || word === "explicit";
}

function showLog(group: Group, given: ScenarioCase): Shown {
  return compareLog(only(group, given), group);
}

function reportUnreachable(group: Group, given: ScenarioCase): Done {
  const [id, peer] = numbers(given, 2) as [number, number];
  group.step(id, { type: "peerLost", peer });
  return { replica: id };
}

function sendSnapshot(group: Group, given: ScenarioCase): Done {
  const [from, to] = numbers(given, 2) as [number, number];
  group.sendSnapshot(from, to);
  return {};
}

function setTimeout(group: Group, given: ScenarioCase): Done {
  const replica = only(group, given);
  const timeout = Number(valuesOf(given, "timeout")?.[0]);
  if (!Number.isSafeInteger(timeout) || timeout < 1) throw new NotUnderstoodError("timeout");
  group.step(replica.id, { type: "electionTimeout", ticks: timeout });
  return { replica: replica.id };
}

function stabilize(group: Group, given: ScenarioCase): Done {
  const ids = idsNamed(group, given);
  group.stabilize(ids);
  return { stable: ids };
}

function ticks(count: number): Command["play"] {
  return (group, given) => {
    const replica = only(group, given);
    for (let at = 0; at < count; at += 1) group.step(replica.id, { type: "tick" });
    return { replica: replica.id };
  };
}

function transfer(group: Group, given: ScenarioCase): Done {
  const from = idFrom(valuesOf(given, "from")?.[0]);
  const to = idFrom(valuesOf(given, "to")?.[0]);
  group.step(from, { type: "transferLeadership", to });
  return { replica: from };
}

/** The replicas that a command names, or all. */
function idsNamed(group: Group, given: ScenarioCase): ReplicaId[] {
  const ids = wordsOf(given).map(idFrom);
  return ids.length > 0 ? ids : group.replicas.map(({ id }) => id);
}

function only(group: Group, given: ScenarioCase): Replica {
  const [id] = numbers(given, 1);
  return group.replica(id as number);
}

function numbers(given: ScenarioCase, count: number): number[] {
  const words = wordsOf(given);
  if (words.length !== count) {
    throw new NotUnderstoodError(`${given.command} with ${words.length} words, not ${count}`);
  }
  return words.map(idFrom);
}

function idFrom(word: string | undefined): number {
  const [id, ...rest] = parseIds(word);
  if (id === undefined || rest.length > 0 || !Number.isSafeInteger(id) || id < 1) {
    throw new NotUnderstoodError(`number ${word}`);
  }
  return id;
}
