/**
 * Which replicas watch which shard: those with the highest weight for it (rendezvous hashing).
 *
 * Every replica computes the same from the same set of live replicas; when one dies only its own
 * shards move, and each has a second watcher already. Nobody relies on agreement: what counts is
 * what replicas say that they watch.
 */
import { mix32 } from "@atoll/stdx";

/** The shards, of `shards` in all, that `self` watches, each watched by `watchers` of `live`. */
export function shardsOf(
  self: number,
  live: readonly number[],
  options: { readonly shards: number; readonly watchers: number },
): ReadonlySet<number> {
  const mine = new Set<number>();
  for (let shard = 0; shard < options.shards; shard += 1) {
    const own = weight(shard, self);
    const better = live.filter((replica) => {
      const other = weight(shard, replica);
      return replica !== self && (other > own || (other === own && replica < self));
    });
    if (better.length < options.watchers) mine.add(shard);
  }
  return mine;
}

function weight(shard: number, replica: number): number {
  return mix32(Math.imul(shard + 1, 0x9e3779b1) ^ mix32(replica));
}
