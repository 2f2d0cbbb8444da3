/**
 * What a replica says of its health, made from the parts.
 *
 * Ready is one that a majority confirms a read for, as without that it can answer nothing that is
 * true now. What else is wrong degrades it: it is to be looked at, and goes on serving. Asked by
 * the health port.
 */
import type { ReplicaDriver, ReplicaStatus } from "@atoll/raft-replica";
import type { HealthReport } from "@atoll/service-kit";
import type { BusHealth } from "./bus-health.ts";
import type { QuorumRead } from "./quorum-read.ts";
import type { RecoveryWatch } from "./recovery-watch.ts";

export async function healthOf(parts: {
  readonly replica: Pick<ReplicaDriver, "status">;
  readonly quorumRead: Pick<QuorumRead, "ask">;
  readonly recovery: Pick<RecoveryWatch, "reason">;
  readonly busHealth: Pick<BusHealth, "connected" | "reason">;
}): Promise<HealthReport> {
  const { replica, quorumRead, recovery, busHealth } = parts;
  const raft = await quorumRead.ask();
  const recovering = recovery.reason();
  const log = { ok: recovering === undefined, detail: recovering ?? "whole" };
  const bus = { ok: busHealth.connected, detail: busHealth.reason };
  const status = statusOf(replica.status().role, raft.ok, log.ok && bus.ok);
  return { status, checks: { log, raft, bus } };
}

function statusOf(
  role: ReplicaStatus["role"],
  canRead: boolean,
  isSound: boolean,
): HealthReport["status"] {
  if (role === "stopped") return "failed";
  if (!canRead) return "unavailable";
  return isSound ? "ok" : "degraded";
}
