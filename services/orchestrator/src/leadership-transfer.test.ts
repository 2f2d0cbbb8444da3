/** An operator's transfer: who leads in the end, or why nobody else does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReplicaStatus, TransferOutcome } from "@atoll/raft-replica";
import { status as GrpcStatus } from "@grpc/grpc-js";
import { membershipOf, type ReplicaId } from "raft-ts";
import { type TransferDriver, transferLeadership } from "./leadership-transfer.ts";
import type { Refusal } from "./refusal.ts";

/** The leader of term 1; once asked it says `outcome`, and its status becomes `after`. */
class FakeDriver implements TransferDriver {
  readonly asked: ReplicaId[] = [];
  #status: ReplicaStatus;
  readonly #outcome: TransferOutcome | undefined;
  readonly #after: Partial<ReplicaStatus>;

  constructor(
    outcome: TransferOutcome | undefined,
    after: Partial<ReplicaStatus> = {},
    before: Partial<ReplicaStatus> = {},
  ) {
    const peers = [2, 3].map((id) => ({ id, active: id !== 3 }));
    const membership = membershipOf([1, 2, 3]);
    const leads = { id: 1, role: "leader", leader: 1, term: 1 };
    this.#status = { ...leads, membership, peers, ...before } as ReplicaStatus;
    this.#outcome = outcome;
    this.#after = after;
  }

  status(): ReplicaStatus {
    return this.#status;
  }

  transferLeadership(to: ReplicaId, done?: (outcome: TransferOutcome) => void): void {
    this.asked.push(to);
    this.#status = { ...this.#status, ...this.#after };
    if (this.#outcome !== undefined) done?.(this.#outcome);
  }
}

async function refused(driver: FakeDriver, to: ReplicaId): Promise<[number, string]> {
  try {
    await transferLeadership(driver, to);
  } catch (error) {
    const { code, details } = error as Refusal;
    return [code, details];
  }
  assert.fail("it was not refused");
}

function refusing(
  reason: Extract<TransferOutcome, { readonly type: "refused" }>["reason"],
  before: Partial<ReplicaStatus> = {},
): FakeDriver {
  return new FakeDriver({ type: "refused", reason, leader: 2 }, {}, before);
}

test("transferLeadership() answers once the other one leads in a later term", async () => {
  const after = { role: "follower", leader: 2, term: 2 } as const;
  const driver = new FakeDriver({ type: "handedOver", leader: 0 }, after);
  assert.deepEqual(await transferLeadership(driver, 2), { leader: 2, term: 2 });
  assert.deepEqual(driver.asked, [2]);
  assert.deepEqual(await refused(new FakeDriver(undefined, { ...after, leader: 3 }), 2), [
    GrpcStatus.FAILED_PRECONDITION,
    "replica 3 was elected instead of replica 2",
  ]);
});

test("transferLeadership() asks nobody for what is so already, or cannot be", async () => {
  const driver = new FakeDriver(undefined);
  assert.deepEqual(await transferLeadership(driver, 1), { leader: 1, term: 1 });
  assert.deepEqual(await refused(driver, 3), [
    GrpcStatus.FAILED_PRECONDITION,
    "replica 3 does not answer its leader",
  ]);
  assert.deepEqual(driver.asked, []);
});

test("transferLeadership() passes on what the driver refuses, and its failure", async () => {
  const failed = GrpcStatus.FAILED_PRECONDITION;
  const failing = new FakeDriver({ type: "failed" });
  assert.deepEqual(await refused(failing, 2), [
    failed,
    "replica 2 did not take over in time; replica 1 leads on",
  ]);
  assert.deepEqual(failing.asked, [2, 2, 2, 2, 2], "what made it fail may pass");
  const follower = { role: "follower", leader: 2, peers: [] } as const;
  assert.deepEqual(await refused(refusing("notLeader", follower), 1), [
    failed,
    "replica 1 does not lead, replica 2 does",
  ]);
  assert.deepEqual(await refused(refusing("notVoter"), 9), [
    failed,
    "replica 9 is no voter: only 1, 2, 3 may lead",
  ]);
  assert.deepEqual(await refused(refusing("transferring"), 2), [
    failed,
    "leadership is being handed over already",
  ]);
  assert.deepEqual(await refused(refusing("stopped"), 2), [
    GrpcStatus.UNAVAILABLE,
    "replica 1 stops",
  ]);
});
