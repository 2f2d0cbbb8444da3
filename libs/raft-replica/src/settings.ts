/**
 * The numbers the driver of a replica runs by, beside those of Raft itself.
 *
 * Checked once at start; nothing is repaired silently.
 */
import { assert } from "@atoll/stdx";
import type { RaftSettings } from "raft-ts";

/**
 * Every number is an integer of 1 or more, `retainEntries` of 0 or more. A replica throws Bug for
 * others when it is made.
 */
export interface ReplicaSettings {
  /** Overrides of Raft's defaults. Default none. */
  readonly raft: Partial<RaftSettings>;
  /** A snapshot is taken after so many applied entries. Default 100,000. */
  readonly snapshotEveryEntries: number;
  /**
   * Or after so many bytes of them, whichever comes first; an entry counts 32 bytes beside its
   * data. Default 256 MiB.
   */
  readonly snapshotEveryBytes: number;
  /**
   * So many entries behind the snapshot stay readable for feeds and slow peers. Default 1,000,000.
   */
  readonly retainEntries: number;
  /**
   * Entries applied in one turn, in bytes; the rest waits for the next call, a tick at the latest,
   * so that a long log to catch up with never blocks the process. Default 1 MiB.
   */
  readonly applyBytesPerTurnMax: number;
  /**
   * Proposals that wait for their outcome; more are refused as overloaded. Default 65,536 batches.
   */
  readonly proposalsPendingMax: number;
  /**
   * A replica that is being added becomes a voter once it lacks at most so many entries. Default
   * 1,000.
   */
  readonly promoteLagEntries: number;
  /** Reads that wait for their index or for its application; more are refused. Default 65,536. */
  readonly readsPendingMax: number;
}

/** What a replica runs by where its options say nothing else. */
export const DEFAULT_REPLICA_SETTINGS: ReplicaSettings = {
  raft: {},
  snapshotEveryEntries: 100_000,
  snapshotEveryBytes: 256 << 20,
  retainEntries: 1_000_000,
  applyBytesPerTurnMax: 1 << 20,
  proposalsPendingMax: 65_536,
  promoteLagEntries: 1_000,
  readsPendingMax: 65_536,
};

/** Throws Bug when a value is out of range. */
export function checkReplicaSettings(settings: ReplicaSettings): void {
  const { raft: _raft, retainEntries, ...bounds } = settings;
  for (const [name, value] of Object.entries(bounds)) {
    assert(Number.isSafeInteger(value) && value >= 1, `${name} is ${value}, must be 1 or more`);
  }
  assert(
    Number.isSafeInteger(retainEntries) && retainEntries >= 0,
    `retainEntries is ${retainEntries}`,
  );
}
