/**
 * Hands leadership to another voter because an operator asked for it, and waits for what comes of
 * it.
 *
 * The driver only asks the other one to campaign. Refusals say why: nothing is lost when it does
 * not happen, the old leader goes on.
 */
import type { ReplicaDriver, ReplicaStatus, TransferOutcome } from "@atoll/raft-replica";
import { status as GrpcStatus } from "@grpc/grpc-js";
import type { ReplicaId } from "raft-ts";
import { type Refusal, refusal } from "./refusal.ts";
import { type Succession, successor } from "./successor.ts";

export type TransferDriver = Pick<ReplicaDriver, "status" | "transferLeadership">;

export interface TransferResult {
  readonly leader: ReplicaId;
  readonly term: number;
}

const WAIT_MS_MAX = 5_000;
/**
 * One attempt ends after an election timeout, for reasons that pass: the other one's disk is slow,
 * or it has yet to take up a change of the members.
 */
const ATTEMPTS_MAX = 5;

/** @throws Refusal */
export async function transferLeadership(
  driver: TransferDriver,
  to: ReplicaId,
): Promise<TransferResult> {
  const before = driver.status();
  const { id, role, term, membership, peers } = before;
  if (role === "leader" && to === id) return { leader: id, term };
  const isSilent = peers.find((peer) => peer.id === to)?.active === false;
  if (isSilent && membership.voters.includes(to)) {
    throw refusal(`replica ${to} does not answer its leader`);
  }
  const ask = (done: (outcome: TransferOutcome) => void): void =>
    driver.transferLeadership(to, done);
  let end = await successor(driver, ask, WAIT_MS_MAX);
  for (let attempt = 2; end.type === "failed" && attempt <= ATTEMPTS_MAX; attempt += 1) {
    end = await successor(driver, ask, WAIT_MS_MAX);
  }
  if (end.type !== "succeeded") throw refusalOf(end, to, before);
  if (end.leader === to) return { leader: to, term: end.term };
  throw refusal(`replica ${end.leader} was elected instead of replica ${to}`);
}

function refusalOf(
  end: Exclude<Succession, { readonly type: "succeeded" }>,
  to: ReplicaId,
  { id, membership }: ReplicaStatus,
): Refusal {
  if (end.type === "overdue") {
    return refusal(`replica ${to} did not take over within ${WAIT_MS_MAX / 1_000} s`);
  }
  if (end.type === "failed") {
    return refusal(`replica ${to} did not take over in time; replica ${id} leads on`);
  }
  switch (end.reason) {
    case "notLeader":
      return refusal(`replica ${id} does not lead, replica ${end.leader || "?"} does`);
    case "notVoter":
      return refusal(`replica ${to} is no voter: only ${membership.voters.join(", ")} may lead`);
    case "transferring":
      return refusal("leadership is being handed over already");
    case "stopped":
      return refusal(`replica ${id} stops`, GrpcStatus.UNAVAILABLE);
  }
}
