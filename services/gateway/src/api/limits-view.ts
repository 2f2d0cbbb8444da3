/**
 * The limits on what is done at once, as the API shows them.
 */
import { limitsOf } from "@atoll/domain";
import type { ActionLimitsInForce } from "@atoll/proto/atoll/v1/datacenter";
import type { Island } from "../islands/island.ts";
import { sinceOf } from "./time.ts";

export function limitsInForce({ mirror }: Island): ActionLimitsInForce {
  const { limits: set } = mirror.datacenter;
  const limits = limitsOf(mirror.datacenter);
  if (set === undefined) return { limits, reason: "", actor: "" };
  return { limits, reason: set.reason, actor: set.actor, since: sinceOf(set.since) };
}
