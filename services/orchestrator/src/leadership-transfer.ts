/**
 * Hands leadership to another voter because an operator asked for it, and waits for what comes of
 * it.
 *
 * The driver only asks the other one to campaign; that it leads is seen in the status. Refusals say
 * why: nothing is lost when it does not happen, the old leader goes on.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { ReplicaDriver } from "@atoll/raft-replica";
import { status as GrpcStatus } from "@grpc/grpc-js";
import type { ReplicaId } from "raft-ts";

export type TransferDriver = Pick<ReplicaDriver, "status" | "transferLeadership">;

export interface TransferResult {
  readonly leader: ReplicaId;
  readonly term: number;
}

/** What a gRPC call is refused with. */
export interface Refusal extends Error {
  readonly code: number;
  readonly details: string;
}

const WAIT_MS_MAX = 5_000;
const LOOK_EVERY_MS = 10;

/** @throws Refusal */
export async function transferLeadership(
  driver: TransferDriver,
  to: ReplicaId,
): Promise<TransferResult> {
  const before = driver.status();
  if (before.role !== "leader") {
    throw refusal(`replica ${before.id} does not lead, replica ${before.leader || "?"} does`);
  }
  if (to === before.id) return { leader: before.id, term: before.term };
  if (!before.membership.voters.includes(to)) {
    throw refusal(
      `replica ${to} is no voter: only ${before.membership.voters.join(", ")} may lead`,
    );
  }
  const peer = before.peers.find(({ id }) => id === to);
  if (peer?.active !== true) throw refusal(`replica ${to} does not answer its leader`);
  driver.transferLeadership(to);
  for (let waitedMs = 0; waitedMs < WAIT_MS_MAX; waitedMs += LOOK_EVERY_MS) {
    const { leader, term } = driver.status();
    if (term > before.term && leader !== 0) {
      if (leader === to) return { leader, term };
      throw refusal(`replica ${leader} was elected instead of replica ${to}`);
    }
    await delay(LOOK_EVERY_MS);
  }
  throw refusal(`replica ${to} did not take over within ${WAIT_MS_MAX / 1_000} s`);
}

export function refusal(
  details: string,
  code: GrpcStatus = GrpcStatus.FAILED_PRECONDITION,
): Refusal {
  return Object.assign(new Error(details), { code, details });
}
