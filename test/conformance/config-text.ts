/**
 * How scenario files write configurations, changes to them, and why a change is refused.
 *
 * `voters=(1 2)&&(1) learners=(3) learners_next=(1) autoleave`, `Voters:[1 2] …` inside snapshots,
 * and `v1 l2 r3 u4` for changes. Text to data and back; it decides nothing.
 */
import type { Membership, MembershipChange, ReplicaId } from "raft-ts";
import { NotUnderstoodError } from "./outcome.ts";

const CHANGE_LETTERS = {
  v: "addVoter",
  l: "addLearner",
  r: "remove",
  u: "update",
} as const;

const IDS = String.raw`([\d ]*)`;
const CONFIGURATION = new RegExp(
  String.raw`^voters=\(${IDS}\)(?:&&\(${IDS}\))?(?: learners=\(${IDS}\))?` +
    String.raw`(?: learners_next=\(${IDS}\))?( autoleave)?$`,
  "u",
);
const SNAPSHOT_CONFIGURATION = new RegExp(
  String.raw`^Voters:\[${IDS}\] VotersOutgoing:\[${IDS}\] Learners:\[${IDS}\] ` +
    String.raw`LearnersNext:\[${IDS}\] AutoLeave:(true|false)$`,
  "u",
);

export function isConfiguration(text: string): boolean {
  return CONFIGURATION.test(text);
}

export function parseConfiguration(text: string): Membership {
  const found = CONFIGURATION.exec(text);
  if (found === null) throw new NotUnderstoodError(`configuration ${text}`);
  return {
    voters: parseIds(found[1]),
    outgoing: parseIds(found[2]),
    learners: parseIds(found[3]),
    learnersNext: parseIds(found[4]),
    autoLeave: found[5] !== undefined,
  };
}

export function parseSnapshotConfiguration(text: string): Membership {
  const found = SNAPSHOT_CONFIGURATION.exec(text);
  if (found === null) throw new NotUnderstoodError(`configuration ${text}`);
  return {
    voters: parseIds(found[1]),
    outgoing: parseIds(found[2]),
    learners: parseIds(found[3]),
    learnersNext: parseIds(found[4]),
    autoLeave: found[5] === "true",
  };
}

export function formatConfiguration(membership: Membership): string {
  const { voters, outgoing, learners, learnersNext, autoLeave } = membership;
  let text = `voters=(${voters.join(" ")})`;
  if (outgoing.length > 0) text += `&&(${outgoing.join(" ")})`;
  if (learners.length > 0) text += ` learners=(${learners.join(" ")})`;
  if (learnersNext.length > 0) text += ` learners_next=(${learnersNext.join(" ")})`;
  return autoLeave ? `${text} autoleave` : text;
}

/** Reads `v1 l2 r3 u4` over any number of lines. */
export function parseChanges(lines: readonly string[]): MembershipChange[] {
  const words = lines.flatMap((line) => line.trim().split(/\s+/u)).filter((word) => word !== "");
  return words.map((word) => {
    const found = /^([vlru])(\d+)$/u.exec(word);
    if (found === null) throw new NotUnderstoodError(`change ${word}`);
    const letter = found[1] as keyof typeof CHANGE_LETTERS;
    return { type: CHANGE_LETTERS[letter], replica: Number(found[2]) };
  });
}

export function parseIds(text: string | undefined): ReplicaId[] {
  const words = (text ?? "").split(/[\s,]+/u).filter((word) => word !== "");
  return words.map(Number);
}
