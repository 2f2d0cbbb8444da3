/**
 * The limits on what is done at once, for people.
 */
import type { ActionLimitsInForce } from "@atoll/proto/atoll/v1/datacenter";
import { pairs } from "./document.ts";
import { escapeLine } from "./escape.ts";
import type { Paint } from "./style.ts";
import { agoWithIndex, span } from "./time.ts";

export function limitsLines(
  inForce: ActionLimitsInForce | undefined,
  nowMs: number,
  paint: Paint,
): string[] {
  const limits = inForce?.limits;
  if (inForce === undefined || limits === undefined) return ["unknown: the gateway is older"];
  const storm = `when more than ${limits.stormPercent} % ail, and at least ${limits.stormNodesMin}`;
  return pairs(
    [
      ["nodes disrupted at once", `${limits.disruptedPercentMax} %, and always one`],
      ["disruptions at once on a node", String(limits.disruptionsPerNodeMax)],
      ["healthy before the next node", span(limits.settleMs ?? 0)],
      ["healing is held", `${storm} nodes`],
      ["set", setText(inForce, nowMs)],
    ],
    paint,
  );
}

/** For example `by user/ada, 5s ago (#41): the switch is replaced`. */
export function setText({ reason, actor, since }: ActionLimitsInForce, nowMs: number): string {
  if (since === undefined) return "never: these are the defaults";
  return `by ${escapeLine(actor)}, ${agoWithIndex(since, nowMs)}: ${escapeLine(reason)}`;
}
