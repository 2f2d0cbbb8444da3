/**
 * The handlers of `OrchestratorService`: what gateways and operators' tools ask of one replica.
 *
 * Joins only; the work is in the parts. Refusals carry a gRPC code and a sentence for people.
 */
import type { ReplicatedState } from "@atoll/control";
import type {
  BackupRequest,
  BackupResponse,
  GetStatusResponse,
  TakeSnapshotResponse,
  TransferLeadershipRequest,
  TransferLeadershipResponse,
} from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { ReplicaDriver, SnapshotOutcome } from "@atoll/raft-replica";
import { systemClock } from "@atoll/service-kit";
import {
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
  status as GrpcStatus,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { Backups } from "./backup.ts";
import type { ClockWatch } from "./clock-watch.ts";
import type { Feed } from "./feed.ts";
import type { LagClock } from "./lag-clock.ts";
import { transferLeadership } from "./leadership-transfer.ts";
import { type Refusal, refusal } from "./refusal.ts";
import type { Sessions } from "./session.ts";
import { statusOf } from "./status.ts";

export interface OrchestratorServiceParts {
  readonly datacenter: string;
  readonly groupId: string;
  readonly replica: ReplicaDriver;
  readonly state: ReplicatedState;
  readonly sessions: Sessions;
  readonly feed: Feed;
  readonly lagClock: LagClock;
  readonly clocks: Pick<ClockWatch, "standing">;
  readonly busConnected: () => boolean;
}

export function orchestratorService(parts: OrchestratorServiceParts): UntypedServiceImplementation {
  const { datacenter, groupId, replica, state, sessions, feed } = parts;
  const realtimeMs = (): number => systemClock.realtimeMs();
  const backups = new Backups({ datacenter, groupId, state, replica, realtimeMs });
  return {
    session: (call: Parameters<Sessions["serve"]>[0]) => sessions.serve(call),
    feed: (call: Parameters<Feed["serve"]>[0]) => feed.serve(call),
    getStatus: (_call: unknown, done: sendUnaryData<GetStatusResponse>) => {
      done(null, statusOf(parts, systemClock.monotonicMs()));
    },
    transferLeadership: (
      call: ServerUnaryCall<TransferLeadershipRequest, TransferLeadershipResponse>,
      done: sendUnaryData<TransferLeadershipResponse>,
    ) => {
      transferLeadership(replica, call.request.to).then(
        (result) => done(null, result),
        (error: Refusal) => done(error),
      );
    },
    takeSnapshot: (_call: unknown, done: sendUnaryData<TakeSnapshotResponse>) => {
      replica.snapshotNow((outcome) => {
        if (outcome.type === "saved") done(null, { index: outcome.index });
        else done(snapshotRefusal(outcome.reason));
      });
    },
    backup: (call: ServerWritableStream<BackupRequest, BackupResponse>) => backups.serve(call),
  };
}

function snapshotRefusal(
  reason: Extract<SnapshotOutcome, { readonly type: "refused" }>["reason"],
): Refusal {
  switch (reason) {
    case "stopped":
      return refusal("the replica stops", GrpcStatus.UNAVAILABLE);
    case "overloaded":
      return refusal("too many wait for a snapshot already", GrpcStatus.RESOURCE_EXHAUSTED);
  }
}
