/**
 * Asks the driver to hand leadership over, and waits for what comes of it.
 *
 * That another one leads is seen in the status; that nothing comes of it the driver says, and then
 * nobody waits any longer. The wait is bounded whatever the driver says. Changes nothing else.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { ReplicaDriver, TransferOutcome } from "@atoll/raft-replica";
import type { ReplicaId } from "raft-ts";

export type Succession =
  /** In a later term there is a leader; it may be this replica again. */
  | { readonly type: "succeeded"; readonly leader: ReplicaId; readonly term: number }
  /** Nobody is known to lead in a later term, and the time is over. */
  | { readonly type: "overdue" }
  | Exclude<TransferOutcome, { readonly type: "handedOver" }>;

const LOOK_EVERY_MS = 5;

/** @param waitMsMax answers by then, `overdue` if need be. */
export async function successor(
  driver: Pick<ReplicaDriver, "status">,
  ask: (done: (outcome: TransferOutcome) => void) => void,
  waitMsMax: number,
): Promise<Succession> {
  const before = driver.status();
  const said: TransferOutcome[] = [];
  ask((outcome) => said.push(outcome));
  for (let waitedMs = 0; waitedMs < waitMsMax; waitedMs += LOOK_EVERY_MS) {
    const [outcome] = said;
    if (outcome !== undefined && outcome.type !== "handedOver") return outcome;
    const { leader, role, term } = driver.status();
    if (role === "stopped") return { type: "refused", reason: "stopped", leader };
    if (term > before.term && leader !== 0) return { type: "succeeded", leader, term };
    await delay(LOOK_EVERY_MS);
  }
  return { type: "overdue" };
}
