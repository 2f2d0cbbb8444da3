/**
 * What a watch notes of one node. Used by `HeartbeatWatch`.
 */
import type { NodeName } from "@atoll/domain";
import type { Queued } from "./node-queue.ts";
import type { Probed } from "./probe-turns.ts";
import type { HeartbeatView } from "./watch-report.ts";

export interface WatchedNode extends Queued<WatchedNode>, Probed {
  readonly shard: number;
  /** Silence counts from here. Lies ahead while a node has time to be heard again. */
  heardAtMs: number;
  /** The last heartbeat as it came, and what it says. */
  said: Uint8Array;
  heartbeat: HeartbeatView | undefined;
  /** When that was heard, whoever said it. */
  spokeAtMs: number;
  /**
   * Another heartbeat like the last one says nothing but that it is there, as long as this is the
   * watch's present count of changes that concern all nodes.
   */
  knownIn: number;
}

export const NOTHING_SAID: Uint8Array = new Uint8Array(0);

/** One that was not heard yet. */
export function watchedNode(name: NodeName, shard: number, nowMs: number): WatchedNode {
  return {
    name,
    shard,
    heardAtMs: nowMs,
    said: NOTHING_SAID,
    heartbeat: undefined,
    spokeAtMs: 0,
    probes: [],
    probedAtMs: 0,
    knownIn: 0,
    queue: undefined,
    previous: undefined,
    next: undefined,
  };
}
