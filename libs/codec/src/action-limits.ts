/**
 * The limits on what is done at once, as they stand in the log and in a user's command.
 */
import type { ActionLimits } from "@atoll/domain";
import type { ActionLimits as ProtoActionLimits } from "@atoll/proto/atoll/type/v1/action_limits";
import { required } from "./decode-error.ts";

/** All of them. @throws DecodeError when one is missing. */
export function fromProtoLimits(limits: ProtoActionLimits | undefined): ActionLimits {
  const given = required(limits, "limits");
  return {
    disruptionsPerNodeMax: required(given.disruptionsPerNodeMax, "disruptions per node"),
    disruptedPercentMax: required(given.disruptedPercentMax, "disrupted percent"),
    settleMs: required(given.settleMs, "settle time"),
    stormPercent: required(given.stormPercent, "storm percent"),
    stormNodesMin: required(given.stormNodesMin, "storm nodes"),
  };
}

/** Those that are given. */
export function fromProtoSomeLimits(limits: ProtoActionLimits | undefined): Partial<ActionLimits> {
  return Object.fromEntries(
    Object.entries(limits ?? {}).filter(([, value]) => value !== undefined),
  );
}
