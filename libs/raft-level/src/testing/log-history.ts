/**
 * Random histories of a replica's log, as Raft allows them, for tests of what is left of one.
 *
 * Leaders follow one another, each with the log of some replica and entries of its own behind it;
 * the replica takes over what they have, in batches, and drops what they do not have. So entries
 * vanish, and may come back. What is committed, every later leader has.
 */
import type { Prng } from "@atoll/stdx";
import type { Entry, HardState } from "raft-ts";
import { entry } from "./harness.ts";

/** What became durable at once; `log` is all of the log behind it. */
export interface HistoryStep {
  readonly entries: readonly Entry[];
  readonly hardState: HardState;
  readonly log: readonly Entry[];
}

const BATCH_MAX = 4;

export function randomHistory(prng: Prng, steps: number): HistoryStep[] {
  const history: HistoryStep[] = [];
  let pool: (readonly Entry[])[] = [[]];
  let leader: readonly Entry[] = [];
  let own: readonly Entry[] = [];
  let hardState: HardState = { term: 0, vote: 0, commit: 0 };
  while (history.length < steps) {
    if (hardState.term === 0 || prng.chance(1, 4)) {
      const term = hardState.term + prng.between(1, 2);
      pool = [...pool, leader].filter((log) => agreement(log, own) >= hardState.commit);
      leader = lengthened(prng, pool[prng.below(pool.length)] as readonly Entry[], term);
      hardState = { ...hardState, term, vote: prng.below(4) };
    }
    const agreed = agreement(own, leader);
    const entries = leader.slice(agreed, agreed + prng.between(0, BATCH_MAX));
    if (entries.length > 0) own = [...own.slice(0, agreed), ...entries];
    const commitMax = agreement(own, leader);
    if (prng.chance(1, 3)) {
      hardState = { ...hardState, commit: prng.between(hardState.commit, commitMax) };
    }
    if (entries.length === 0 && prng.chance(1, 2)) {
      leader = lengthened(prng, leader, hardState.term);
    }
    history.push({ entries, hardState, log: own });
  }
  return history;
}

/** How many entries the two have in common from the begin on. */
function agreement(one: readonly Entry[], other: readonly Entry[]): number {
  let count = 0;
  while (count < one.length && one[count]?.term === other[count]?.term) count += 1;
  return count;
}

function lengthened(prng: Prng, log: readonly Entry[], term: number): readonly Entry[] {
  const first = log.length + 1;
  const more = Array.from({ length: prng.between(1, 5) }, (_, at) => entry(first + at, term));
  return [...log, ...more];
}
