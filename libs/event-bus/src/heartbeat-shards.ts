/**
 * Into which shard the heartbeats of a node go.
 *
 * A replica hears the shards that it watches and no others. The number and the hash are part of the
 * subjects on the wire, so they stay as they are: agents and replicas of different releases meet
 * there. Used by every adapter, and by who decides which replica watches what.
 */
import { hashText } from "@atoll/stdx";

export const HEARTBEAT_SHARDS = 64;

/** From 0 to {@link HEARTBEAT_SHARDS} - 1. */
export function heartbeatShardOf(node: string): number {
  return hashText(node) % HEARTBEAT_SHARDS;
}

/** Every shard there is. */
export function allHeartbeatShards(): ReadonlySet<number> {
  return new Set(Array.from({ length: HEARTBEAT_SHARDS }, (_, shard) => shard));
}
