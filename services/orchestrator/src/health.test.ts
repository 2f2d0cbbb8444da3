/** From parts to a status. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReplicaStatus } from "@atoll/raft-replica";
import type { HealthReport } from "@atoll/service-kit";
import { healthOf } from "./health.ts";

const READ = { ok: true, detail: "follower in term 2" };
const NO_READ = { ok: false, detail: "no leader is known" };

function report(of: {
  readonly role?: ReplicaStatus["role"];
  readonly read?: typeof READ;
  readonly recovering?: string;
  readonly connected?: boolean;
  readonly clock?: string;
}): Promise<HealthReport> {
  const { role = "follower", read = READ, recovering, connected = true, clock } = of;
  return healthOf({
    replica: { status: () => ({ role }) as ReplicaStatus },
    quorumRead: { ask: () => Promise.resolve(read) },
    recovery: { reason: () => recovering },
    busHealth: { connected, reason: "as it is" },
    clocks: { reason: () => clock },
  });
}

test("healthOf() is unavailable without a read, degraded without the rest", async () => {
  const reports = await Promise.all([
    report({}),
    report({ connected: false }),
    report({ recovering: "its folder was blank" }),
    report({ clock: "its clock is an hour ahead" }),
    report({ read: NO_READ }),
    report({ read: NO_READ, recovering: "its folder was blank" }),
    report({ read: NO_READ, role: "stopped" }),
  ]);
  assert.deepEqual(
    reports.map(({ status }) => status),
    ["ok", "degraded", "degraded", "degraded", "unavailable", "unavailable", "failed"],
  );
  assert.deepEqual(reports[5]?.checks, {
    log: { ok: false, detail: "its folder was blank" },
    raft: NO_READ,
    bus: { ok: true, detail: "as it is" },
    clock: { ok: true, detail: "as the others'" },
  });
});
