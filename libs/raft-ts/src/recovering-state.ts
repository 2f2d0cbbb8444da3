/**
 * What a replica knows of its recovery (docs/adr/0010). Data only; the rules are in
 * `recovering.ts`.
 */
import type { ReplicaId } from "./entry.ts";

/**
 * How far a replica may be trusted with what it promised earlier.
 *
 * - `whole`: fully.
 * - `recovering`: promises may be lost; it recovers from the others.
 * - `blank`: it holds nothing; whether the group is new only the others can tell.
 * - `founded`: whole, of a new group; it campaigns only after all others were seen to be whole.
 */
export type Standing = "whole" | "recovering" | "blank" | "founded";

/** What another voter said last. */
export interface HeardVoter {
  readonly term: number;
  readonly lastIndex: number;
  readonly recovering: boolean;
}

/** What a replica has gathered that is not whole, or founded and not sure of the others. */
export interface Recovery {
  standing: Standing;
  /** Names this life; answers to questions of an earlier one do not count. */
  readonly context: number;
  readonly heard: Map<ReplicaId, HeardVoter>;
  /** The leader of `term` said that everything up to `index` must be held. */
  needed: { readonly term: number; readonly index: number } | undefined;
  /** The context of the question to the leader; 0 for none under way. */
  readContext: number;
  /** The write that makes it whole is under way, or due. */
  finishing: "whole" | "founded" | undefined;
  idleTicks: number;
  /** Somebody spoke as only a member of a group speaks that exists. */
  atWork: boolean;
}

/** A look at a recovery, for status pages. */
export interface RecoveryView {
  /** See {@link Standing}. */
  readonly standing: "recovering" | "blank" | "founded";
  /** Voters that have not answered in this life. */
  readonly silent: readonly ReplicaId[];
  /** Voters that are recovering themselves, or blank. */
  readonly recovering: readonly ReplicaId[];
  /** So many voters have answered and are whole. */
  readonly healthy: number;
  /** So many must be, a majority of all. */
  readonly healthyNeeded: number;
  /** The log must be held up to here; undefined until a leader said so. */
  readonly neededIndex: number | undefined;
}

/** @param term what is durable of it: a group that has elected is founded for good. */
export function startRecovery(
  standing: Standing,
  term: number,
  context: number,
): Recovery | undefined {
  if (standing === "whole" || (standing === "founded" && term > 0)) return undefined;
  const heard = new Map<ReplicaId, HeardVoter>();
  const rest = {
    needed: undefined,
    readContext: 0,
    finishing: undefined,
    idleTicks: 0,
    atWork: false,
  };
  return { standing, context, heard, ...rest };
}
