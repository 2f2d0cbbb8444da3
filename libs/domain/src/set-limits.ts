/**
 * The limits on what is done at once in a datacenter, as people set them.
 *
 * In the log, with who and why: every leader decides by the same. An event holds all of them, so
 * that what it says does not depend on the defaults of a release. They change nothing that is under
 * way: where more is taken away than may be from now on, nothing more is until there is room.
 */
import type { ActionLimits } from "./action-limits.ts";
import { ACTION_LIMITS, limitsOf } from "./action-limits.ts";
import type { UserCommand } from "./command.ts";
import { decided, UNCHANGED } from "./decision.ts";
import type { Decision } from "./decision.ts";
import type { LimitsEvent } from "./event.ts";
import { refuseReason } from "./pause.ts";
import { rejected } from "./rejection.ts";
import type { Violation } from "./rejection.ts";
import type { Since, StateStore, StateView } from "./state.ts";

type Name = keyof ActionLimits;

/** The least and the most that each may be. */
const RANGES: Readonly<Record<Name, readonly [least: number, most: number]>> = {
  disruptionsPerNodeMax: [1, 100],
  disruptedPercentMax: [1, 100],
  settleMs: [0, 3_600_000],
  stormPercent: [1, 100],
  stormNodesMin: [1, 1_000_000],
};

const NAMES = Object.keys(RANGES) as readonly Name[];

/** What is not given stays as it is. */
export function decideSetLimits(
  view: StateView,
  { limits: given, reason: said }: Extract<UserCommand, { type: "setActionLimits" }>,
): Decision {
  const reason = said.trim();
  const refusal = refuseReason("a change of limits", "datacenter", reason);
  if (refusal !== undefined) return refusal;
  const violations = NAMES.flatMap((name) => violationOf(name, given[name]));
  const [first] = violations;
  if (first !== undefined) return rejected("invalidArgument", first.reason, violations);
  const limits = { ...limitsOf(view), ...given };
  const known = view.limits ?? { limits: ACTION_LIMITS, reason: undefined };
  const isSame = NAMES.every((name) => limits[name] === known.limits[name]);
  if (isSame && (known.reason === undefined || known.reason === reason)) return UNCHANGED;
  return decided([{ type: "actionLimitsSet", limits, reason }]);
}

export function evolveLimits(
  store: StateStore,
  { limits, reason }: LimitsEvent,
  since: Since,
  actor: string,
): void {
  store.setLimits({ limits, reason, actor, since });
}

/** For example `20 % disrupted at once, 1 on a node, 3,000 ms healthy, storms above 30 % of 5`. */
export function limitsText(limits: ActionLimits): string {
  const { disruptedPercentMax, disruptionsPerNodeMax, settleMs } = limits;
  const most = `${disruptedPercentMax} % disrupted at once`;
  const disruption = `${most}, ${disruptionsPerNodeMax} on a node`;
  const storm = `storms above ${limits.stormPercent} % and from ${limits.stormNodesMin} nodes on`;
  return `${disruption}, healthy for ${settleMs} ms before the next, ${storm}`;
}

function violationOf(name: Name, value: number | undefined): Violation[] {
  if (value === undefined) return [];
  const [least, most] = RANGES[name];
  if (Number.isSafeInteger(value) && value >= least && value <= most) return [];
  const reason = `${name} is a whole number from ${least} to ${most}, not ${value}`;
  return [{ subject: "datacenter", path: `limits.${name}`, reason }];
}
