/**
 * The numbers a Raft replica runs by.
 *
 * Time is counted in ticks; the owner decides how long one is (10 ms is meant). Each queue, batch
 * and buffer of the core has its bound here. Relations between values are checked once, at start;
 * nothing is repaired silently.
 */
import { assert } from "@atoll/stdx";

/** Every number is an integer of 1 or more. A core throws Bug for others when it is made. */
export interface RaftSettings {
  /** A leader sends heartbeats every so many ticks. Default 3. */
  readonly heartbeatTicks: number;
  /**
   * Without a word from a leader for a random count of ticks in [min, max] a follower campaigns.
   * Default 15; more than two heartbeats.
   */
  readonly electionTimeoutTicksMin: number;
  /** Default 30; above the minimum. */
  readonly electionTimeoutTicksMax: number;
  /**
   * When the connection to the leader breaks, the voter of rank n among the others campaigns after
   * n times this many ticks: never two at once. Default 2.
   */
  readonly suspicionTicksPerRank: number;
  /** A read that found no leader for so many ticks is refused. Default 60. */
  readonly readTimeoutTicks: number;
  /** Entries of one AppendEntries, in bytes; one entry always goes. Default 1 MiB. */
  readonly appendBytesMax: number;
  /** AppendEntries with entries under way to one peer. Default 64. */
  readonly inFlightMessagesMax: number;
  /** Bytes of entries under way to one peer; the message that reaches it goes. Default 8 MiB. */
  readonly inFlightBytesMax: number;
  /** Entries of one write, in bytes; one entry always goes. Default 1 MiB. */
  readonly writeBytesMax: number;
  /** Writes of entries under way at once. Default 1: what arrives meanwhile is the next write. */
  readonly writesInFlightMax: number;
  /**
   * Entries handed to the state machine at once, in bytes; one entry always goes. Default 1 MiB.
   */
  readonly applyBytesMax: number;
  /**
   * A leader refuses proposals beyond this many bytes of entries that are not committed and
   * applied; the batch that reaches them is taken. Default 32 MiB.
   */
  readonly uncommittedBytesMax: number;
  /** Entries kept in memory, in bytes; older ones are read back from the store. Default 64 MiB. */
  readonly tailBytesMax: number;
  /** Bytes of one InstallSnapshot message. Default 512 KiB. */
  readonly snapshotChunkBytes: number;
  /** Snapshots larger than this are not taken in. Default 2 GiB. */
  readonly snapshotBytesMax: number;
  /** Reads that wait at once, own and of peers. Default 65,536. */
  readonly readsPendingMax: number;
  /** Messages that wait for a term or vote to become durable; more are dropped. Default 1,024. */
  readonly waitingMessagesMax: number;
  /**
   * Whether followers learn of a commit at once where nothing under way brings it soon, or with the
   * next message or tick. Default immediate.
   */
  readonly commitNotice: "immediate" | "tick";
}

/** What a core runs by where its options say nothing else. */
export const DEFAULT_RAFT_SETTINGS: RaftSettings = {
  heartbeatTicks: 3,
  electionTimeoutTicksMin: 15,
  electionTimeoutTicksMax: 30,
  suspicionTicksPerRank: 2,
  readTimeoutTicks: 60,
  appendBytesMax: 1 << 20,
  inFlightMessagesMax: 64,
  inFlightBytesMax: 8 << 20,
  writeBytesMax: 1 << 20,
  writesInFlightMax: 1,
  applyBytesMax: 1 << 20,
  uncommittedBytesMax: 32 << 20,
  tailBytesMax: 64 << 20,
  snapshotChunkBytes: 512 << 10,
  snapshotBytesMax: 2 * 2 ** 30,
  readsPendingMax: 65_536,
  waitingMessagesMax: 1_024,
  commitNotice: "immediate",
};

/** Throws Bug when the settings contradict each other. */
export function checkRaftSettings(settings: RaftSettings): void {
  for (const [name, value] of Object.entries(settings)) {
    if (typeof value !== "number") continue;
    assert(Number.isSafeInteger(value) && value >= 1, `${name} is ${value}, must be 1 or more`);
  }
  assert(
    settings.electionTimeoutTicksMin > settings.heartbeatTicks * 2,
    "electionTimeoutTicksMin must be more than two heartbeats",
  );
  assert(
    settings.electionTimeoutTicksMax > settings.electionTimeoutTicksMin,
    "electionTimeoutTicksMax must be above electionTimeoutTicksMin",
  );
}
