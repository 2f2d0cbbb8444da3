import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReplicaStatus, TransferOutcome } from "@atoll/raft-replica";
import { type Succession, successor } from "./successor.ts";

/** What comes of it where the driver says `outcome` at once and its status is `after` from then. */
function ended(
  outcome: TransferOutcome | undefined,
  after: Partial<ReplicaStatus> = {},
): Promise<Succession> {
  let status = { id: 1, role: "leader", leader: 1, term: 1 } as ReplicaStatus;
  const ask = (done: (outcome: TransferOutcome) => void): void => {
    status = { ...status, ...after };
    if (outcome !== undefined) done(outcome);
  };
  return successor({ status: () => status }, ask, 20);
}

test("successor() gives the leader of a later term, this one again if need be", async () => {
  const follower = { role: "follower", leader: 3, term: 2 } as const;
  const succeeded = { type: "succeeded", leader: 3, term: 2 };
  assert.deepEqual(await ended(undefined, follower), succeeded);
  assert.deepEqual(await ended({ type: "handedOver", leader: 3 }, follower), succeeded);
  assert.deepEqual(await ended(undefined, { term: 4 }), { type: "succeeded", leader: 1, term: 4 });
});

test("successor() passes on at once that nothing comes of it", async () => {
  const refused = { type: "refused", reason: "transferring", leader: 1 } as const;
  assert.deepEqual(await ended(refused), refused);
  assert.deepEqual(await ended({ type: "failed" }), { type: "failed" });
  assert.deepEqual(await ended(undefined, { role: "stopped", leader: 0 }), {
    type: "refused",
    reason: "stopped",
    leader: 0,
  });
});

test("successor() waits only so long for a leader to be known", async () => {
  const nobody = { role: "follower", leader: 0, term: 2 } as const;
  assert.deepEqual(await ended({ type: "handedOver", leader: 0 }, nobody), { type: "overdue" });
  assert.deepEqual(await ended(undefined), { type: "overdue" });
});
