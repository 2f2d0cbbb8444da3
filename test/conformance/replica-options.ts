/**
 * How a scenario wants its replicas, and what that means for RaftCore.
 *
 * Timing is explicit: a heartbeat is one tick, an election timeout three. Pre-vote, check-quorum
 * and stepping down on removal are off unless the scenario turns them on. Batches and buffers are
 * unbounded where a scenario counts messages. Called by replica.ts and interaction-cases.ts.
 */
import { crc32c } from "@atoll/stdx";
import type { Membership, RaftSettings, RecoveredState } from "raft-ts";
import type { ConformanceWays } from "raft-ts/conformance";
import type { StoredSnapshot } from "./replica-store.ts";
import { FOUNDING_TERM } from "./translation.ts";

export const HEARTBEAT_TICKS = 1;
export const ELECTION_TICKS = 3;

/** More than any scenario reaches. */
const UNBOUNDED = 2 ** 40;

export interface ReplicaOptions {
  readonly membership: Membership;
  /** The replica begins with a snapshot of this index; 0 for nothing at all. */
  readonly index: number;
  readonly content: Uint8Array;
  readonly inFlight: number | undefined;
  readonly asyncStorage: boolean;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  readonly stepDownOnRemoval: boolean;
  readonly changesUnchecked: boolean;
  readonly leaseReads: boolean;
  readonly committedBytesPerReady: number | undefined;
}

export function coreSettings(options: ReplicaOptions): Partial<RaftSettings> {
  return {
    heartbeatTicks: HEARTBEAT_TICKS,
    electionTimeoutTicksMin: ELECTION_TICKS,
    electionTimeoutTicksMax: 2 * ELECTION_TICKS - 1,
    inFlightMessagesMax: options.inFlight ?? UNBOUNDED,
    inFlightBytesMax: UNBOUNDED,
    appendBytesMax: UNBOUNDED,
    writeBytesMax: UNBOUNDED,
    writesInFlightMax: UNBOUNDED,
    uncommittedBytesMax: UNBOUNDED,
    // One entry at a time, so that the scenario decides how far each step applies.
    applyBytesMax: 1,
    // What is applied is read back from the store, so that compacting has its effect at once.
    tailBytesMax: 1,
  };
}

/** Where the scenarios' implementation does otherwise. */
export function theirWays(options: ReplicaOptions): ConformanceWays {
  return {
    preVote: options.preVote,
    checkQuorum: options.checkQuorum,
    stepDownOnRemoval: options.stepDownOnRemoval ? "atOnce" : "never",
    answersHeartbeatsAtOnce: true,
    noticesEachCommit: true,
  };
}

/** What a replica finds in its store when the scenario adds it. */
export function foundingState(options: ReplicaOptions): {
  readonly stored: StoredSnapshot;
  readonly recovered: RecoveredState;
} {
  const { index, content, membership } = options;
  const position = { index, term: FOUNDING_TERM };
  const metadata = {
    ...position,
    membership,
    sizeBytes: content.length,
    checksum: crc32c(content),
  };
  return {
    stored: { metadata, content },
    recovered: {
      hardState: { term: 0, vote: 0, commit: index },
      snapshot: metadata,
      firstIndex: index + 1,
      tailPrevious: position,
      tail: [],
    },
  };
}
