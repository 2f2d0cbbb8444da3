/**
 * The one place where a scenario's design is translated into ours.
 *
 * Each function is one deliberate difference, listed with its reason in
 * libs/raft-ts/docs/differences.md under the same name. None knows a file, and none sees an
 * expectation.
 */
import type { CoreView, InstallSnapshotEffect, PersistEffect, ReplicaId } from "raft-ts";
import type { Outgoing } from "./outgoing.ts";
import type { ReplicaOptions } from "./replica-options.ts";

/**
 * "founding term": scenarios begin with a snapshot of term 1 and a hard state of term 0. With us no
 * log is of a later term than its replica, so the snapshot that a group is founded with has term 0.
 */
export const FOUNDING_TERM = 0;

/** The term a scenario gives to the last position of a log. */
export function founderTerm(index: number, term: number): number {
  return index > 0 && term === FOUNDING_TERM ? 1 : term;
}

/** "words of refusals": the cause is the same, the words are ours. */
const REFUSALS: ReadonlyMap<string, string> = new Map([
  ["a joint configuration must be left first", "can't apply simple config change in joint config"],
  ["all voters would be removed", "removed all voters"],
  [
    "more than one voter would change at once",
    "more than one voter changed without entering joint config",
  ],
  ["the configuration is joint already", "config is already joint"],
  ["there are no voters to join with", "can't make a zero-voter config joint"],
  ["the configuration is not joint", "can't leave a non-joint config"],
]);

export function refusalInTheirWords(reason: string): string {
  return REFUSALS.get(reason) ?? reason;
}

/**
 * "own disk first": requests for votes wait for the own term and vote, and replies for what they
 * acknowledge, so they appear when a write ends. In a scenario they belong to the piece of work
 * that contains the write. What a leader sends because something is durable belongs to the next.
 */
export function leavesWithItsWrite(message: Outgoing): boolean {
  switch (message.type) {
    case "requestVote":
    case "requestVoteReply":
    case "appendEntriesReply":
    case "heartbeatReply":
    case "installSnapshotReply":
      return true;
    case "appendEntries":
    case "heartbeat":
    case "installSnapshot":
    case "readIndexRequest":
    case "readIndexReply":
    case "timeoutNow":
    case "termQuery":
    case "termReply":
    case "proposal":
      return false;
    default:
      return message satisfies never;
  }
}

/**
 * "append thread": with asynchronous storage a scenario sends votes and acknowledgements from the
 * append thread, also when there is nothing to write for them.
 */
export function waitsForAppendThread(message: Outgoing): boolean {
  return (
    message.type === "appendEntriesReply" ||
    message.type === "installSnapshotReply" ||
    (message.type === "requestVoteReply" && !message.preVote)
  );
}

/**
 * "campaign before its write": with asynchronous storage a scenario's candidate asks for votes
 * before its own term and vote are durable. Ours never does, so its write is done at once.
 */
export function writesBeforeAppendThread(
  view: CoreView,
  writes: readonly (PersistEffect | InstallSnapshotEffect)[],
): boolean {
  if (view.role !== "candidate") return false;
  return writes.every((write) => write.type === "persist" && write.entries.length === 0);
}

/**
 * "proposals of followers": a scenario's follower sends them on to its leader. Ours refuses and
 * names the leader; sending on is its owner's work. Gives to whom; 0 where they are dropped.
 */
export function passesProposalsTo(view: CoreView): ReplicaId {
  return view.role === "follower" ? view.leader : 0;
}

/**
 * "refused changes": a scenario's leader puts an empty entry in the place of a change of membership
 * that it refuses. Ours refuses and writes nothing, so the runner proposes that entry.
 */
export const NOTHING_TO_CHANGE: Uint8Array = new Uint8Array(0);

/**
 * "unchecked changes": a scenario may allow a change while another is not applied. Our entries hold
 * the membership that results, which is not known before; the runner proposes it again after each
 * piece of work.
 */
export function waitsForItsTurn(options: ReplicaOptions, reason: string): boolean {
  return options.changesUnchecked && reason === "membershipChanging";
}

/**
 * "lease reads": a scenario's replica with leases must not forget its leader. Ours has no leases,
 * so nothing would break, and the option ends here.
 */
export function mayForgetLeader(options: ReplicaOptions): boolean {
  return !options.leaseReads;
}
