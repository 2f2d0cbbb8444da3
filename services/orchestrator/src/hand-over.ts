/**
 * Hands leadership over before the process ends, so that a planned restart costs no election
 * timeout.
 *
 * It waits until another replica is known to lead, as the vote of this one may be needed for that.
 * Whatever comes of it, the wait is bounded and the process ends. Called at shutdown, while
 * transport and ticks still run.
 */
import type { ReplicaDriver } from "@atoll/raft-replica";
import type { ReplicaId } from "raft-ts";
import { successor } from "./successor.ts";

const WAIT_MS_MAX = 1_000;

/** Gives the replica that leads now; 0 when there was nothing to hand over, or nobody took it. */
export async function handOver(
  driver: Pick<ReplicaDriver, "status" | "handOver">,
): Promise<ReplicaId> {
  const { id, role } = driver.status();
  if (role !== "leader") return 0;
  const end = await successor(driver, (done) => driver.handOver(done), WAIT_MS_MAX);
  return end.type === "succeeded" && end.leader !== id ? end.leader : 0;
}
