/**
 * Reads an expected trace line by line into what it tells about replicas.
 *
 * Blocks of work handed over (`Ready`), changes of role, configurations, snapshots taken in,
 * answers to commands. A line that is not understood, and is not on the list of lines that tell
 * nothing new, is an error. Called by interaction-cases.ts.
 */
import type { Membership, ReplicaId, Role } from "raft-ts";
import { parseConfiguration, parseSnapshotConfiguration } from "./config-text.ts";
import { NotUnderstoodError } from "./outcome.ts";
import { isMessage, isOnTheWay, opensBracket } from "./trace-lines.ts";

export interface ToldEntry {
  readonly index: number;
  readonly term: number;
  readonly kind: "normal" | "change";
  /** The data of a normal entry, the changes of the other. */
  readonly text: string;
}

export interface ToldHardState {
  readonly term: number;
  readonly vote: ReplicaId;
  readonly commit: number;
}

export interface ToldSnapshot {
  readonly index: number;
  readonly term: number;
  readonly membership: Membership;
}

/** Work that a replica hands over. */
export interface ToldReady {
  readonly type: "ready";
  readonly replica: ReplicaId;
  role: { readonly role: Role; readonly leader: ReplicaId } | undefined;
  hardState: ToldHardState | undefined;
  snapshot: ToldSnapshot | undefined;
  readonly entries: ToldEntry[];
  readonly committed: ToldEntry[];
}

export type Told =
  | ToldReady
  | {
      readonly type: "became";
      readonly replica: ReplicaId;
      readonly role: Role;
      readonly term: number;
    }
  | { readonly type: "switched"; readonly replica: ReplicaId; readonly membership: Membership }
  | {
      readonly type: "voted";
      readonly replica: ReplicaId;
      readonly vote: ReplicaId;
      readonly term: number;
    }
  | {
      readonly type: "restored";
      readonly replica: ReplicaId;
      readonly commit: number;
      readonly last: { readonly index: number; readonly term: number } | undefined;
    }
  | {
      readonly type: "founded";
      readonly replica: ReplicaId;
      readonly voters: readonly ReplicaId[];
      readonly term: number;
      readonly commit: number;
      readonly applied: number;
      readonly lastIndex: number;
      readonly lastTerm: number;
    }
  | {
      readonly type: "forgot";
      readonly replica: ReplicaId;
      readonly leader: ReplicaId;
      readonly term: number;
    }
  | {
      readonly type: "answer";
      readonly answer: "unpromotable" | "dropped" | "changeRefused" | "leaseReads";
    };

const ROLES: ReadonlyMap<string, Role> = new Map([
  ["follower", "follower"],
  ["candidate", "candidate"],
  ["pre-candidate", "preCandidate"],
  ["leader", "leader"],
  ["StateFollower", "follower"],
  ["StateCandidate", "candidate"],
  ["StatePreCandidate", "preCandidate"],
  ["StateLeader", "leader"],
]);

const ENTRY = /^(\d+)\/(\d+) (EntryNormal|EntryConfChange|EntryConfChangeV2)(?: (.*))?$/u;
const SNAPSHOT = /^Snapshot:? Index:(\d+) Term:(\d+) ConfState:(.*?)(?: Responses:\[)?$/u;

const MAY_NOT_CAMPAIGN: readonly RegExp[] = [
  /^WARN \d+ is unpromotable and can not campaign$/u,
  /^WARN \d+ cannot campaign at term \d+ since there are still .*pending configuration changes/u,
];
const RESTORED = new RegExp(
  String.raw`^INFO (\d+) \[commit: (\d+)(?:, lastindex: (\d+), lastterm: (\d+))?\] ` +
    String.raw`restored snapshot \[.*\]$`,
  "u",
);
const FOUNDED = new RegExp(
  String.raw`^INFO newRaft (\d+) \[peers: \[([\d,]*)\], term: (\d+), commit: (\d+), ` +
    String.raw`applied: (\d+), lastindex: (\d+), lastterm: (\d+)\]$`,
  "u",
);

/** What comes after each of these words belongs to it. */
type Section = "entries" | "committed" | "messages" | "thread" | undefined;

/** Reads the trace of one command; `replica` is whom work belongs to that names nobody. */
export function parseTrace(lines: readonly string[], replica: ReplicaId | undefined): Told[] {
  const reader = new TraceReader(replica);
  for (const line of lines) reader.take(line.trim());
  return reader.told;
}

export function parseRole(word: string): Role {
  const role = ROLES.get(word);
  if (role === undefined) throw new NotUnderstoodError(`role ${word}`);
  return role;
}

/** Reads `1/12 EntryNormal "data"`; undefined for another line. */
export function parseEntry(line: string): ToldEntry | undefined {
  const found = ENTRY.exec(line);
  if (found === null) return undefined;
  const isNormal = found[3] === "EntryNormal";
  const text = (found[4] ?? "").trim();
  return {
    term: Number(found[1]),
    index: Number(found[2]),
    kind: isNormal ? "normal" : "change",
    text: isNormal ? unquote(text) : text,
  };
}

class TraceReader {
  readonly told: Told[] = [];
  #replica: ReplicaId | undefined;
  #ready: ToldReady | undefined;
  #section: Section;
  /** How many brackets of a message are open. */
  #depth = 0;

  constructor(replica: ReplicaId | undefined) {
    this.#replica = replica;
  }

  take(line: string): void {
    if (this.#depth > 0) {
      this.#takeInBracket(line);
      return;
    }
    if (line === "ok" || line === "ok (quiet)" || line === "<empty Ready>") return;
    if (this.#takeHeader(line) || this.#takeReadyLine(line)) return;
    if (isMessage(line)) {
      if (opensBracket(line)) this.#depth = 1;
      return;
    }
    // The snapshot inside of a message that was just read.
    if (line.startsWith("Snapshot: ") && SNAPSHOT.test(line)) {
      if (opensBracket(line)) this.#depth = 1;
      return;
    }
    if (this.#takeStep(line) || isOnTheWay(line)) return;
    throw new NotUnderstoodError(`line ${JSON.stringify(line)}`);
  }

  #takeInBracket(line: string): void {
    if (line === "]" || line === "] Responses:[") this.#depth -= line === "]" ? 1 : 0;
    else if (isMessage(line) || parseEntry(line) !== undefined) {
      if (opensBracket(line)) this.#depth += 1;
    } else throw new NotUnderstoodError(`line ${JSON.stringify(line)} inside of a message`);
  }

  #takeHeader(line: string): boolean {
    const header =
      /^> (\d+) (handling Ready|receiving messages|processing (?:append|apply) thread)$/u;
    const found = header.exec(line);
    if (found !== null) {
      this.#replica = Number(found[1]);
      this.#ready = undefined;
      this.#section = undefined;
      return true;
    }
    if (/^Ready(?: MustSync=(?:true|false))?:$/u.test(line)) {
      if (this.#replica === undefined) throw new NotUnderstoodError("whose Ready is it?");
      this.#ready = {
        type: "ready",
        replica: this.#replica,
        role: undefined,
        hardState: undefined,
        snapshot: undefined,
        entries: [],
        committed: [],
      };
      this.told.push(this.#ready);
      this.#section = undefined;
      return true;
    }
    if (line === "Processing:" || line === "Responses:") {
      this.#section = "thread";
      return true;
    }
    return false;
  }

  #takeReadyLine(line: string): boolean {
    const ready = this.#ready;
    if (ready === undefined) return false;
    const role = /^Lead:(\d+) State:(\w+)$/u.exec(line);
    if (role !== null) {
      ready.role = { leader: Number(role[1]), role: parseRole(role[2] as string) };
      return true;
    }
    const hard = /^HardState Term:(\d+)(?: Vote:(\d+))? Commit:(\d+)$/u.exec(line);
    if (hard !== null) {
      const [, term, vote, commit] = hard;
      ready.hardState = { term: Number(term), vote: Number(vote ?? 0), commit: Number(commit) };
      return true;
    }
    const snapshot = line.startsWith("Snapshot Index:") ? SNAPSHOT.exec(line) : null;
    if (snapshot !== null) {
      const membership = parseSnapshotConfiguration(snapshot[3] as string);
      ready.snapshot = { index: Number(snapshot[1]), term: Number(snapshot[2]), membership };
      return true;
    }
    if (/^ReadStates \[.*\]$/u.test(line)) return true;
    return this.#takeSection(ready, line);
  }

  #takeSection(ready: ToldReady, line: string): boolean {
    if (line === "Entries:") this.#section = "entries";
    else if (line === "CommittedEntries:") this.#section = "committed";
    else if (line === "Messages:") this.#section = "messages";
    else {
      const entry = parseEntry(line);
      if (entry === undefined) return false;
      if (this.#section === "entries") ready.entries.push(entry);
      else if (this.#section === "committed") ready.committed.push(entry);
      else throw new NotUnderstoodError(`entry ${JSON.stringify(line)} of nothing`);
    }
    return true;
  }

  #takeStep(line: string): boolean {
    const told = readStep(line);
    if (told === undefined) return false;
    this.told.push(told);
    return true;
  }
}

/** A line about one replica's step. */
function readStep(line: string): Told | undefined {
  const became =
    /^INFO (\d+) became (follower|pre-candidate|candidate|leader) at term (\d+)$/u.exec(line);
  if (became !== null) {
    const role = parseRole(became[2] as string);
    return { type: "became", replica: Number(became[1]), role, term: Number(became[3]) };
  }
  const switched = /^INFO (\d+) switched to configuration (.*)$/u.exec(line);
  if (switched !== null) {
    const membership = parseConfiguration(switched[2] as string);
    return { type: "switched", replica: Number(switched[1]), membership };
  }
  const voted = /^INFO (\d+) \[.*\] cast MsgVote for (\d+) \[.*\] at term (\d+)$/u.exec(line);
  if (voted !== null) {
    const [, replica, vote, term] = voted;
    return { type: "voted", replica: Number(replica), vote: Number(vote), term: Number(term) };
  }
  const forgot = /^INFO (\d+) forgetting leader (\d+) at term (\d+)$/u.exec(line);
  if (forgot !== null) {
    const [, replica, leader, term] = forgot;
    return { type: "forgot", replica: Number(replica), leader: Number(leader), term: Number(term) };
  }
  return readRestored(line) ?? readFounded(line) ?? readAnswer(line);
}

function readRestored(line: string): Told | undefined {
  const found = RESTORED.exec(line);
  if (found === null) return undefined;
  const [, replica, commit, index, term] = found;
  const last = index === undefined ? undefined : { index: Number(index), term: Number(term) };
  return { type: "restored", replica: Number(replica), commit: Number(commit), last };
}

function readFounded(line: string): Told | undefined {
  const found = FOUNDED.exec(line);
  if (found === null) return undefined;
  const [replica, , term, commit, applied, lastIndex, lastTerm] = found.slice(1).map(Number);
  const voters = (found[2] as string).split(",").filter((word) => word !== "");
  return {
    type: "founded",
    replica: replica as number,
    voters: voters.map(Number),
    term: term as number,
    commit: commit as number,
    applied: applied as number,
    lastIndex: lastIndex as number,
    lastTerm: lastTerm as number,
  };
}

function readAnswer(line: string): Told | undefined {
  if (line === "raft proposal dropped") return { type: "answer", answer: "dropped" };
  if (MAY_NOT_CAMPAIGN.some((pattern) => pattern.test(line))) {
    return { type: "answer", answer: "unpromotable" };
  }
  if (/^INFO \d+ ignoring conf change .* at config .*: .*$/u.test(line)) {
    return { type: "answer", answer: "changeRefused" };
  }
  if (line === "ERROR ignoring MsgForgetLeader due to ReadOnlyLeaseBased") {
    return { type: "answer", answer: "leaseReads" };
  }
  return undefined;
}

function unquote(text: string): string {
  if (!text.startsWith('"') || !text.endsWith('"')) {
    throw new NotUnderstoodError(`data ${text}`);
  }
  // Bytes that are no text are written in hexadecimal.
  return JSON.parse(text.replaceAll(/\\x([0-9a-f]{2})/gu, String.raw`\u00$1`)) as string;
}
