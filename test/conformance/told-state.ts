/**
 * What a scenario has told about each replica so far, and whether ours is so.
 *
 * The trace is followed line by line: what it tells replaces what it told before, and what it does
 * not mention stays. While output is off nothing is told, so everything that may have changed is
 * forgotten. Two moments are compared: work that is handed over, with the replica as it was when
 * ours handed over its work; and the end of a command. Called by interaction-cases.ts.
 */
import type { Entry, Membership, ReplicaId, Role } from "raft-ts";
import { formatConfiguration } from "./config-text.ts";
import type { Group } from "./group.ts";
import type { Failure } from "./outcome.ts";
import type { Observation } from "./replica.ts";
import type { Told, ToldEntry, ToldReady } from "./trace.ts";
import { founderTerm } from "./translation.ts";

/** Undefined is not known. */
export interface ToldReplica {
  role: Role | undefined;
  leader: ReplicaId | undefined;
  term: number | undefined;
  vote: ReplicaId | undefined;
  commit: number | undefined;
  membership: Membership | undefined;
  lastIndex: number | undefined;
  entries: Map<number, ToldEntry>;
}

export type ToldField = Exclude<keyof ToldReplica, "entries">;

const UNKNOWN: Omit<ToldReplica, "entries"> = {
  role: undefined,
  leader: undefined,
  term: undefined,
  vote: undefined,
  commit: undefined,
  membership: undefined,
  lastIndex: undefined,
};

export interface Taken {
  /** Each replica that handed over work, as it was known at the last time it did. */
  readonly handedOver: ReadonlyMap<ReplicaId, ToldReplica>;
  /** What was told of each replica after that. */
  readonly after: ReadonlyMap<ReplicaId, ReadonlySet<ToldField>>;
}

export class ToldState {
  #replicas: Map<ReplicaId, ToldReplica> = new Map();

  /** Output was off while things happened: nothing is known any more. */
  forget(): void {
    this.#replicas = new Map();
  }

  of(id: ReplicaId): ToldReplica {
    const told = this.#replicas.get(id) ?? { ...UNKNOWN, entries: new Map() };
    this.#replicas.set(id, told);
    return told;
  }

  /** Takes in the trace of one command. */
  take(told: readonly Told[]): Taken {
    const handedOver = new Map<ReplicaId, ToldReplica>();
    const after = new Map<ReplicaId, Set<ToldField>>();
    for (const each of told) {
      if (each.type === "answer") continue;
      const { replica: id } = each;
      const replica = this.of(id);
      if (each.type === "ready") {
        takeReady(replica, each);
        handedOver.set(id, { ...replica, entries: new Map(replica.entries) });
        after.delete(id);
      } else {
        const fields = takeStep(replica, each);
        after.set(id, new Set([...(after.get(id) ?? []), ...fields]));
      }
    }
    return { handedOver, after };
  }
}

/** Takes in one line; gives what it tells. */
function takeStep(
  replica: ToldReplica,
  told: Exclude<Told, { readonly type: "answer" | "ready" }>,
): readonly ToldField[] {
  switch (told.type) {
    case "became":
      if (replica.term !== told.term) replica.vote = undefined;
      // Whom it follows is told when it hands over work.
      replica.leader = undefined;
      replica.role = told.role;
      replica.term = told.term;
      return ["role", "term"];
    case "switched":
      replica.membership = told.membership;
      return ["membership"];
    case "voted":
      replica.vote = told.vote;
      replica.term = told.term;
      return ["vote", "term"];
    case "restored":
      replica.commit = told.commit;
      replica.entries = new Map();
      if (told.last === undefined) return ["commit"];
      replica.lastIndex = told.last.index;
      return ["commit", "lastIndex"];
    case "founded":
      replica.term = told.term;
      replica.commit = told.commit;
      replica.lastIndex = told.lastIndex;
      return ["term", "commit", "lastIndex"];
    case "forgot":
      replica.leader = 0;
      replica.term = told.term;
      return ["leader", "term"];
    default:
      return told satisfies never;
  }
}

/** The known replica with nothing but these fields. */
export function only(known: ToldReplica, fields: ReadonlySet<ToldField>): ToldReplica {
  const kept = Object.entries(known).filter(([name]) => fields.has(name as ToldField));
  return { ...UNKNOWN, ...Object.fromEntries(kept), entries: new Map() };
}

function takeReady(replica: ToldReplica, ready: ToldReady): void {
  if (ready.role !== undefined) {
    replica.role = ready.role.role;
    replica.leader = ready.role.leader;
  }
  if (ready.hardState !== undefined) {
    replica.term = ready.hardState.term;
    replica.vote = ready.hardState.vote;
    replica.commit = ready.hardState.commit;
  }
  if (ready.snapshot !== undefined) {
    replica.entries = new Map();
    replica.lastIndex = ready.snapshot.index;
    replica.membership = ready.snapshot.membership;
  }
  const [first] = ready.entries;
  if (first !== undefined) {
    for (const index of replica.entries.keys()) {
      if (index >= first.index) replica.entries.delete(index);
    }
    for (const entry of ready.entries) replica.entries.set(entry.index, entry);
    replica.lastIndex = ready.entries.at(-1)?.index;
  }
  for (const entry of ready.committed) replica.entries.set(entry.index, entry);
}

/** Compares what is known with what is, field by field. */
export function compareReplica(
  id: ReplicaId,
  told: ToldReplica,
  observation: Observation,
  group: Group,
): Failure[] {
  const { view } = observation;
  const observed: Record<ToldField, string> = {
    role: view.role,
    leader: `${view.leader}`,
    term: `${view.term}`,
    vote: `${view.vote}`,
    commit: `${view.committedIndex}`,
    membership: formatConfiguration(view.membership),
    lastIndex: `${view.lastIndex}`,
  };
  const failures: Failure[] = [];
  for (const field of Object.keys(observed) as ToldField[]) {
    const value = told[field];
    if (value === undefined) continue;
    const expected = typeof value === "object" ? formatConfiguration(value) : `${value}`;
    if (expected === observed[field]) continue;
    failures.push({
      expected: `${id}: ${field} ${expected}`,
      observed: `${id}: ${field} ${observed[field]}`,
    });
  }
  for (const entry of told.entries.values()) {
    if (entry.index <= observation.baseIndex) continue;
    const ours = observation.log[entry.index - observation.baseIndex - 1];
    const expected = `${id}: ${describeTold(entry)}`;
    const actual = ours === undefined ? `no entry ${entry.index}` : describeEntry(ours, group);
    if (expected !== `${id}: ${actual}`) failures.push({ expected, observed: `${id}: ${actual}` });
  }
  return failures;
}

/** `term/index` with the data, or with the changes of a membership. */
export function describeTold(entry: ToldEntry): string {
  const text = entry.kind === "normal" ? JSON.stringify(entry.text) : `change ${entry.text}`;
  return `${entry.term}/${entry.index} ${text}`.trimEnd();
}

/** Our entry in the same words. */
export function describeEntry(entry: Entry, group: Group): string {
  const position = `${founderTerm(entry.index, entry.term)}/${entry.index}`;
  if (entry.type === "membership") {
    // An entry that nobody proposed is the leader's own: it leaves a joint configuration.
    const changes = group.changeTexts.get(`${entry.term}/${entry.index}`) ?? "";
    return `${position} change ${changes}`.trimEnd();
  }
  const data = entry.type === "noop" ? "" : new TextDecoder().decode(entry.data);
  return `${position} ${JSON.stringify(data)}`;
}
