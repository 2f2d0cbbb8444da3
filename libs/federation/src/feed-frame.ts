/**
 * What passes from who has a log to who mirrors it.
 *
 * The wire forms are proto's (`atoll.replica.v1` inside a datacenter, `atoll.peer.v1` between
 * datacenters); adapters turn one into the other.
 */

export interface FeedItem {
  readonly index: number;
  /** An encoded log entry; empty for entries of Raft's own. */
  readonly data: Uint8Array;
}

export type FeedFrame =
  /** At least one, contiguous, each after the one before. */
  | { readonly type: "entries"; readonly items: readonly FeedItem[] }
  /**
   * A part of the state after `index`; the last has `last`. The reader forgets what it had: the
   * log goes on behind `index`, in group `groupId`.
   */
  | {
      readonly type: "snapshot";
      readonly index: number;
      readonly groupId: string;
      readonly chunk: Uint8Array;
      /** With it a state begins; what came of another before is void. */
      readonly first: boolean;
      readonly last: boolean;
    }
  /** A sign of life: the log is known up to here. */
  | { readonly type: "position"; readonly index: number; readonly realtimeMs: number }
  /** Comes right behind entry `index`: remember the state as it is now. */
  | { readonly type: "checkpoint"; readonly index: number }
  /**
   * What the source's state at that checkpoint was, by `stateDigest`. Only digests of the same
   * software are comparable: another may encode the same state in other bytes.
   */
  | {
      readonly type: "digest";
      readonly index: number;
      readonly digest: string;
      readonly version: string;
    };
