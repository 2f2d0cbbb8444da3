/**
 * A datacenter's log from an index on: the port, and what it gives.
 *
 * Read by ListEvents and WatchEvents. `ReplicaHistory` reads it from the replicas of the datacenter
 * in which the gateway stands.
 */
import type { LogEntry } from "@atoll/domain";

/** Entries in order, without those of Raft's own; `next` is the index that follows them. */
export interface HistoryBatch {
  readonly entries: readonly HistoryEntry[];
  readonly next: number;
}

export interface HistoryEntry {
  readonly index: number;
  readonly entry: LogEntry;
  readonly bytes: number;
}

export interface EventHistory {
  /** The first index that is kept. Waits until that is known or `signal` is aborted. */
  firstIndex(signal: AbortSignal): Promise<number>;

  /**
   * Entries from `from` on, in order, as they come, until `signal` is aborted; a batch without
   * entries is a sign of life.
   *
   * @throws ApiError OUT_OF_RANGE when `from` is no longer kept anywhere.
   */
  read(from: number, signal: AbortSignal): AsyncIterable<HistoryBatch>;
}
