/**
 * Hands leadership over before the process ends, so that a planned restart costs no election
 * timeout.
 *
 * It waits until another replica is known to lead, as the vote of this one may be needed for that.
 * Whatever comes of it, the wait is bounded and the process ends. Called at shutdown, while
 * transport and ticks still run.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { ReplicaDriver } from "@atoll/raft-replica";
import type { ReplicaId } from "raft-ts";

const WAIT_MS_MAX = 1_000;
const LOOK_EVERY_MS = 5;

/** Gives the replica that leads now; 0 when there was nothing to hand over, or nobody took it. */
export async function handOver(
  driver: Pick<ReplicaDriver, "status" | "handOver">,
): Promise<ReplicaId> {
  const { id, role } = driver.status();
  if (role !== "leader") return 0;
  let isOver = false;
  driver.handOver((outcome) => {
    isOver = outcome.type !== "handedOver";
  });
  for (let waitedMs = 0; waitedMs < WAIT_MS_MAX && !isOver; waitedMs += LOOK_EVERY_MS) {
    const { leader, role: roleNow } = driver.status();
    if (roleNow === "stopped") return 0;
    if (leader !== 0 && leader !== id) return leader;
    await delay(LOOK_EVERY_MS);
  }
  return 0;
}
