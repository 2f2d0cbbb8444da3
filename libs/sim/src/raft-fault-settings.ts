/**
 * How bad networks, disks and clocks of simulated Raft groups get, drawn anew for each period.
 *
 * Every kind of fault is absent from some periods, so that each also meets the others alone.
 */
import type { Prng } from "@atoll/stdx";
import type { DiskSettings } from "./simulated-disk.ts";
import { CALM_DISK } from "./simulated-disk.ts";
import type { NetworkSettings } from "./simulated-network.ts";
import { CALM_NETWORK } from "./simulated-network.ts";

export function drawBadNetwork(prng: Prng): NetworkSettings {
  return {
    ...CALM_NETWORK,
    lossPerMille: prng.chance(1, 2) ? prng.below(300) : 0,
    duplicatePerMille: prng.chance(1, 2) ? prng.below(300) : 0,
    reorderPerMille: prng.chance(1, 2) ? prng.below(500) : 0,
    delayUsMax: prng.pick([500, 2_000, 20_000, 100_000]),
    slowPerMille: prng.chance(1, 2) ? prng.below(100) : 0,
    slowDelayUsMax: prng.pick([50_000, 400_000]),
    replayPerMille: prng.chance(1, 3) ? prng.below(100) : 0,
    replayDelayUsMax: prng.pick([50_000, 2_000_000]),
  };
}

export function drawBadDisk(prng: Prng): DiskSettings {
  return {
    ...CALM_DISK,
    syncUsMax: prng.pick([600, 5_000, 30_000]),
    stallPerMille: prng.chance(1, 2) ? prng.below(100) : 0,
    stallUsMax: prng.pick([50_000, 500_000]),
    failPerMille: prng.chance(1, 4) ? 5 : 0,
    stuckPerMille: prng.chance(1, 6) ? 5 : 0,
    readFailPerMille: prng.chance(1, 5) ? prng.pick([5, 50, 300]) : 0,
    full: prng.chance(1, 12),
  };
}

/** How fast a clock runs, per mille of the right speed: from a third to three times. */
export function drawClock(prng: Prng): number {
  return prng.chance(1, 2) ? prng.between(333, 1_000) : prng.between(1_000, 3_000);
}

/** How long a process stands still: mostly less than a second, seldom 0.1 s to a minute. */
export function drawPauseUs(prng: Prng): number {
  if (!prng.chance(1, 20)) return prng.between(5_000, 900_000);
  const leastUs = 100_000 * 2 ** prng.below(10);
  return prng.between(leastUs, Math.min(2 * leastUs, 60_000_000));
}
