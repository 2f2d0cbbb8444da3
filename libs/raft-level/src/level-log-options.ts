/**
 * What `LevelLogStore` is opened with, and what it counts.
 */
import type { Membership } from "raft-ts";
import type { OpenDatabase } from "./database.ts";
import type { LogIdentity } from "./identity.ts";

export interface LevelLogStoreOptions {
  /** Made when missing, with its parents. Holds nothing else. */
  readonly folder: string;
  readonly identity: LogIdentity;
  /** Whose votes count before the log says otherwise; taken only when the log is founded. */
  readonly founding: Membership;
  /**
   * The standing of a log that is founded now: "whole" for a replica of a new group, "blank" when
   * only its peers can tell whether the group is new (docs/adr/0010). Default "whole".
   */
  readonly newStanding?: "whole" | "blank";
  /** How many bytes of the newest entries `recovered.tail` holds at most. Default 16 MiB. */
  readonly tailBytesMax?: number;
  /** For tests that put faults below the store. Default {@link SegmentedDatabase}. */
  readonly openDatabase?: OpenDatabase;
}

export interface LevelLogStatistics {
  /** Packed records made durable since opening; one fsync each. */
  readonly records: number;
  readonly entries: number;
  readonly bytes: number;
}
