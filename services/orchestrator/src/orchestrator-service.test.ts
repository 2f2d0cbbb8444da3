/** What a replica refuses when gateways and operators ask it, in words and codes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TakeSnapshotResponse } from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { SnapshotOutcome } from "@atoll/raft-replica";
import { type sendUnaryData, status as GrpcStatus } from "@grpc/grpc-js";
import { orchestratorService, type OrchestratorServiceParts } from "./orchestrator-service.ts";

type TakeSnapshot = (call: unknown, done: sendUnaryData<TakeSnapshotResponse>) => void;

/** What a caller of TakeSnapshot hears: the index, or code and words. */
function takeSnapshot(outcome: SnapshotOutcome): unknown {
  const replica = { snapshotNow: (done: (outcome: SnapshotOutcome) => void) => done(outcome) };
  const parts = { replica } as unknown as OrchestratorServiceParts;
  let heard: unknown;
  (orchestratorService(parts)["takeSnapshot"] as TakeSnapshot)({}, (error, response) => {
    heard = error === null ? response?.index : [error.code, error.details];
  });
  return heard;
}

test("takeSnapshot() gives the index, or says why there is no snapshot", () => {
  assert.equal(takeSnapshot({ type: "saved", index: 7 }), 7);
  assert.deepEqual(takeSnapshot({ type: "refused", reason: "stopped" }), [
    GrpcStatus.UNAVAILABLE,
    "the replica stops",
  ]);
  assert.deepEqual(takeSnapshot({ type: "refused", reason: "overloaded" }), [
    GrpcStatus.RESOURCE_EXHAUSTED,
    "too many wait for a snapshot already",
  ]);
});
