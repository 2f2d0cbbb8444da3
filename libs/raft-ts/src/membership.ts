/**
 * The members of a group: construction, checks, and the bytes they are stored as.
 *
 * The encoding is our own and small, so that this package depends on nobody's wire format. It is
 * fixed for ever: logs and snapshots of every release carry it. It never guesses: bytes that are
 * not a membership give undefined. Called by the core, stores and whoever founds a group.
 */
import { assert } from "@atoll/stdx";
import type { Membership, ReplicaId } from "./entry.ts";

/** The first byte of every encoded membership. */
const FORMAT_VERSION = 1;
/** Bytes of one replica id: a safe integer, low 32 bits first. */
const ID_BYTES = 8;
/** More members than any group may have; a larger count is damage. */
export const MEMBERS_MAX = 255;

/**
 * A plain, not joint, membership of `voters`, which may be in any order. None at all is the
 * membership of a replica that is to be added to a group. Throws Bug when an id is no positive safe
 * integer, or is named twice.
 */
export function membershipOf(voters: readonly ReplicaId[]): Membership {
  const sorted = voters.toSorted((left, right) => left - right);
  for (let at = 0; at < sorted.length; at += 1) {
    const id = sorted[at] as number;
    assert(Number.isSafeInteger(id) && id > 0, `replica id ${id}`);
    assert(at === 0 || sorted[at - 1] !== id, `replica ${id} is named twice`);
  }
  return { voters: sorted, outgoing: [], learners: [], learnersNext: [], autoLeave: false };
}

/**
 * Every replica that takes part: voters of both configurations and learners, ascending, each once.
 */
export function membersOf(membership: Membership): ReplicaId[] {
  const all = new Set([...membership.voters, ...membership.outgoing, ...membership.learners]);
  return [...all].toSorted((left, right) => left - right);
}

/** Whether `id` has a vote in either configuration. */
export function isVoter(membership: Membership, id: ReplicaId): boolean {
  return membership.voters.includes(id) || membership.outgoing.includes(id);
}

/**
 * Encodes: version, flags, then four lists, each a count byte and 8 bytes for each id. The lists
 * must be sorted and without repeats, as `membershipOf` and `planChange` make them: what is not
 * does not decode. Throws Bug when one of them has more than {@link MEMBERS_MAX} members.
 */
export function encodeMembership(membership: Membership): Uint8Array {
  const lists = [
    membership.voters,
    membership.outgoing,
    membership.learners,
    membership.learnersNext,
  ];
  const idCount = lists.reduce((sum, list) => sum + list.length, 0);
  const bytes = new Uint8Array(2 + lists.length + idCount * ID_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[0] = FORMAT_VERSION;
  bytes[1] = membership.autoLeave ? 1 : 0;
  let at = 2;
  for (const list of lists) {
    assert(list.length <= MEMBERS_MAX, `${list.length} members`);
    bytes[at] = list.length;
    at += 1;
    for (const id of list) {
      view.setUint32(at, id % 2 ** 32, true);
      view.setUint32(at + 4, Math.floor(id / 2 ** 32), true);
      at += ID_BYTES;
    }
  }
  return bytes;
}

/** Decodes what {@link encodeMembership} made; undefined for anything else. Never throws. */
export function decodeMembership(bytes: Uint8Array): Membership | undefined {
  if (bytes.length < 6 || bytes[0] !== FORMAT_VERSION || (bytes[1] as number) > 1) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const lists: ReplicaId[][] = [];
  let at = 2;
  for (let list = 0; list < 4; list += 1) {
    const count = bytes[at];
    if (count === undefined || at + 1 + count * ID_BYTES > bytes.length) return undefined;
    at += 1;
    const ids: ReplicaId[] = [];
    for (let position = 0; position < count; position += 1) {
      const id = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
      const before = ids.at(-1) ?? 0;
      if (!Number.isSafeInteger(id) || id <= before) return undefined;
      ids.push(id);
      at += ID_BYTES;
    }
    lists.push(ids);
  }
  if (at !== bytes.length) return undefined;
  const [voters, outgoing, learners, learnersNext] = lists as [
    number[],
    number[],
    number[],
    number[],
  ];
  return { voters, outgoing, learners, learnersNext, autoLeave: bytes[1] === 1 };
}
