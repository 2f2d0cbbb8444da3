import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReplicaStatus, TransferOutcome } from "@atoll/raft-replica";
import { handOver } from "./hand-over.ts";

/** A driver that says what the test wants, one status after the other. */
function driverOf(
  statuses: readonly Partial<ReplicaStatus>[],
  outcome?: TransferOutcome,
): { readonly asked: () => number; readonly driver: Parameters<typeof handOver>[0] } {
  let at = 0;
  let asked = 0;
  const status = (): ReplicaStatus => {
    const said = statuses[Math.min(at, statuses.length - 1)];
    at += 1;
    return { id: 1, role: "leader", leader: 1, term: 1, ...said } as ReplicaStatus;
  };
  return {
    asked: () => asked,
    driver: {
      status,
      handOver: (done) => {
        asked += 1;
        if (outcome !== undefined) done(outcome);
      },
    },
  };
}

test("handOver() waits until another replica leads", async () => {
  const follower = { role: "follower", leader: 0, term: 2 } as const;
  const { driver, asked } = driverOf([{}, {}, follower, follower, { ...follower, leader: 3 }]);
  assert.equal(await handOver(driver), 3);
  assert.equal(asked(), 1);
});

test("handOver() asks nobody on a follower, and gives up when nobody can take over", async () => {
  const follower = driverOf([{ role: "follower", leader: 2 }]);
  assert.equal(await handOver(follower.driver), 0);
  assert.equal(follower.asked(), 0);
  const alone = driverOf([{}], { type: "refused", reason: "notVoter", leader: 1 });
  assert.equal(await handOver(alone.driver), 0);
  const failed = driverOf([{}], { type: "failed" });
  assert.equal(await handOver(failed.driver), 0);
  const stopped = driverOf([{}, { role: "stopped" }]);
  assert.equal(await handOver(stopped.driver), 0);
  const again = driverOf([{}, {}, { leader: 1, term: 3 }]);
  assert.equal(await handOver(again.driver), 0);
});
