/**
 * The beat of a replica: Raft, the watch and the leader's loop, and whoever looks at them by
 * period.
 *
 * A replica that stood still is told so first. Started by the composition root, after everything
 * that it ticks.
 */
import type { Leader, ReplicaWatch } from "@atoll/control";
import { type Replica, StallDetector } from "@atoll/raft-replica";
import { type Log, systemClock } from "@atoll/service-kit";
import { DEFAULT_RAFT_SETTINGS } from "raft-ts";
import type { ClockWatch } from "./clock-watch.ts";
import type { GroupKeeper } from "./group-keeper.ts";
import type { LagClock } from "./lag-clock.ts";
import type { OrchestratorMetrics } from "./metrics.ts";
import type { QuorumRead } from "./quorum-read.ts";
import type { RecoveryWatch } from "./recovery-watch.ts";

/** One Raft tick. Heartbeats and timeouts are counts of it. */
const TICK_MS = 10;

export function startTicks(ticked: {
  readonly replica: Replica;
  readonly leader: Leader;
  readonly watch: ReplicaWatch;
  readonly clocks: ClockWatch;
  readonly keeper: GroupKeeper;
  readonly recovery: RecoveryWatch;
  readonly quorumRead: QuorumRead;
  readonly counted: OrchestratorMetrics;
  readonly lagClock: LagClock;
  readonly log: Log;
}): Disposable {
  const { replica, leader, watch, clocks, keeper, recovery, quorumRead } = ticked;
  const { counted, lagClock, log } = ticked;
  const detector = new StallDetector({
    clock: systemClock,
    replica,
    stallMs: TICK_MS * DEFAULT_RAFT_SETTINGS.electionTimeoutTicksMax,
    told: (gapMs) => {
      log.warn("the loop stood still", { gapMs });
      counted.stalled(gapMs);
    },
  });
  const timer = setInterval(() => {
    detector.tick();
    recovery.tick();
    quorumRead.tick();
    watch.tick();
    clocks.tick();
    leader.run();
    const nowMs = systemClock.monotonicMs();
    if (leader.leading) lagClock.sample(replica.status().lastIndex, nowMs);
    keeper.run(nowMs);
  }, TICK_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
