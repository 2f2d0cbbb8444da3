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
import type { ClockWatch } from "./clock-watch.ts";
import type { QuorumRead } from "./quorum-read.ts";
import type { RecoveryWatch } from "./recovery-watch.ts";

export async function healthOf(parts: {
  readonly replica: Pick<ReplicaDriver, "status">;
  readonly quorumRead: Pick<QuorumRead, "ask">;
  readonly recovery: Pick<RecoveryWatch, "reason">;
  readonly busHealth: Pick<BusHealth, "connected" | "reason">;
  readonly clocks: Pick<ClockWatch, "reason">;
}): Promise<HealthReport> {
  const { replica, quorumRead, recovery, busHealth, clocks } = parts;
  const raft = await quorumRead.ask();
  const recovering = recovery.reason();
  const log = { ok: recovering === undefined, detail: recovering ?? "whole" };
  const bus = { ok: busHealth.connected, detail: busHealth.reason };
  const wrong = clocks.reason();
  const clock = { ok: wrong === undefined, detail: wrong ?? "as the others'" };
  const status = statusOf(replica.status().role, raft.ok, log.ok && bus.ok && clock.ok);
  return { status, checks: { log, raft, bus, clock } };
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
